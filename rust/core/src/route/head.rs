//! The fields of an HTTP/1 head, as decisions look at them.

use super::Fields;
use crate::http1::head::Field;

/// Parsed fields and the buffer that they were parsed from.
#[derive(Debug, Clone, Copy)]
pub struct HeadFields<'a> {
    /// In the order received.
    pub fields: &'a [Field],
    /// What their spans refer to.
    pub buf: &'a [u8],
}

impl Fields for HeadFields<'_> {
    #[inline]
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        let length = name.len() as u32;
        self.fields
            .iter()
            .filter(move |field| field.name.end.wrapping_sub(field.name.start) == length)
            .filter(move |field| field.name.of(self.buf).eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value.of(self.buf))
    }
}
