"""OCSP responses to staple (RFC 6960): whether one is good for its certificate."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509 import ocsp

from gateway.config.check.text import Problem
from gateway.config.tls.dates import day


def staple_problem(content: bytes, leaf: x509.Certificate) -> Problem:
    """What is wrong with a response for `leaf`, or None."""
    try:
        response = ocsp.load_der_ocsp_response(content)
    except ValueError:
        return "this is no OCSP response in DER", "make one: openssl ocsp -respout FILE …"
    if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return f"the CA has refused to answer: {response.response_status.name.lower()}", ""
    if response.serial_number != leaf.serial_number:
        return "this OCSP response is about another certificate", "ask anew after each renewal"
    return None


def staple_warning(content: bytes, now: float) -> str | None:
    """What clients will trip over in a response without problem, or None."""
    response = ocsp.load_der_ocsp_response(content)
    if response.certificate_status != ocsp.OCSPCertStatus.GOOD:
        return f"this OCSP response says that the certificate is {response.certificate_status.name.lower()}"
    until = response.next_update_utc
    if until is not None and until.timestamp() <= now:
        return f"this OCSP response has ended on {day(until.timestamp())}"
    return None
