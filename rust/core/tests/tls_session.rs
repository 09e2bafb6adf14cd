//! A session against rustls's own client: whole, byte by byte and randomly cut, both versions, every way to fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests fail loudly

mod tls_peer;

use gateway_core::document::{ClientAuthMode, Protocol, TlsVersion};
use gateway_core::tls::limits::{RECORD_BYTES, SEAL_BYTES};
use gateway_core::tls::{Cause, ClientTls, ServerTls, Session};
use proptest::prelude::*;
use rustls::version::{TLS12, TLS13};
use tls_peer::*;

static OLD: [&rustls::SupportedProtocolVersion; 1] = [&TLS12];
static NEW: [&rustls::SupportedProtocolVersion; 1] = [&TLS13];

fn both_versions() -> [Wish; 2] {
    [&OLD, &NEW].map(|versions| Wish { versions: Some(versions.as_slice()), ..Wish::default() })
}

/// Handshake, a request, an answer larger than a record, and an orderly end on both sides.
fn conversation(wish: &Wish, room: usize, cut: &mut dyn FnMut() -> usize) {
    let tls = server(&listener(vec![shop()]));
    let mut ours = Ours::new(Session::server(&tls).unwrap());
    ours.room = room;
    let mut peer = peer(&peer_config(wish), "shop.example");
    say(&mut peer, &vec![b'q'; 40_000]);
    settle(&mut ours, &mut peer, &mut *cut).unwrap();
    assert!(!ours.session.is_shaking());
    assert_eq!(ours.plain, vec![b'q'; 40_000]);
    ours.send(&vec![b'a'; 300_000]);
    settle(&mut ours, &mut peer, &mut *cut).unwrap();
    assert_eq!(hear(&mut peer), vec![b'a'; 300_000]);
    assert!(!ours.session.ended());
    peer.tls.send_close_notify();
    settle(&mut ours, &mut peer, &mut *cut).unwrap();
    assert!(ours.session.ended());
    ours.close();
    settle(&mut ours, &mut peer, &mut *cut).unwrap();
    assert!(peer.tls.process_new_packets().unwrap().peer_has_closed());
    assert_eq!(ours.session.held(), 0, "an idle session holds nothing");
}

#[test]
fn a_conversation_arrives_whole_in_one_piece_and_byte_by_byte() {
    for wish in both_versions() {
        conversation(&wish, 64 * 1024, &mut || usize::MAX);
        conversation(&wish, 64 * 1024, &mut || 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_conversation_arrives_whole_however_it_is_cut(
        cuts in prop::collection::vec(1usize..20_000, 1..40), room in 1usize..40_000, newer in any::<bool>()
    ) {
        let [old, new] = both_versions();
        let mut cuts = cuts.iter().cycle().copied();
        conversation(if newer { &new } else { &old }, room, &mut || cuts.next().unwrap());
    }
}

#[test]
fn a_small_answer_is_one_record() {
    let tls = server(&listener(vec![shop()]));
    let (mut ours, _) = connected(&tls, &peer_config(&Wish::default()), "shop.example");
    ours.send(&[b'a'; 1200]);
    assert_eq!(ours.out.len(), 5 + 1200 + 1 + 16);
}

#[test]
fn a_large_answer_goes_in_full_records() {
    let tls = server(&listener(vec![shop()]));
    let (mut ours, _) = connected(&tls, &peer_config(&Wish::default()), "shop.example");
    ours.send(&vec![b'a'; SEAL_BYTES]);
    assert_eq!(ours.out.len(), SEAL_BYTES + SEAL_BYTES / RECORD_BYTES * (5 + 1 + 16));
}

fn shown(certificates: Vec<gateway_core::document::Certificate>, wish: &Wish, name: &'static str) -> Vec<u8> {
    let tls = server(&listener(certificates));
    let (_, peer) = connected(&tls, &peer_config(wish), name);
    peer.tls.peer_certificates().unwrap()[0].to_vec()
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let both = || vec![shop(), api()];
    assert_eq!(shown(both(), &Wish::default(), "shop.example"), pair("shop").0);
    assert_eq!(shown(both(), &Wish::default(), "a.shop.example"), pair("shop").0);
    assert_eq!(shown(both(), &Wish::default(), "api.example"), pair("api").0);
    // An IP address is no name (RFC 6066 §3): the default.
    assert_eq!(shown(vec![api(), shop()], &Wish::default(), "127.0.0.1"), pair("api").0);
}

#[test]
fn an_exact_name_is_before_a_wildcard_wherever_it_stands() {
    let wild = certificate("api", &["*.example"]);
    assert_eq!(shown(vec![wild, shop()], &Wish::default(), "shop.example"), pair("shop").0);
}

#[test]
fn of_two_keys_the_client_gets_one_that_it_can_verify_and_the_cheaper_if_it_can_both() {
    let rsa = || certificate("shop_rsa", &["shop.example", "*.shop.example"]);
    for order in [vec![rsa(), shop()], vec![shop(), rsa()]] {
        assert_eq!(shown(order.clone(), &Wish::default(), "shop.example"), pair("shop").0);
        for wish in both_versions() {
            let wish = Wish { rsa_only: true, ..wish };
            assert_eq!(shown(order.clone(), &wish, "shop.example"), pair("shop_rsa").0);
        }
    }
}

#[test]
fn a_name_that_nobody_has_gets_the_default_and_the_client_decides() {
    let tls = server(&listener(vec![shop(), api()]));
    let mut ours = Ours::new(Session::server(&tls).unwrap());
    let mut peer = peer(&peer_config(&Wish::default()), "unknown.example");
    assert_eq!(settle(&mut ours, &mut peer, || usize::MAX), Err(Cause::Refused));
}

#[test]
fn a_request_belongs_here_if_the_name_or_the_certificate_says_so() {
    let tls = server(&listener(vec![shop(), api()]));
    let (ours, _) = connected(&tls, &peer_config(&Wish::default()), "shop.example");
    let chosen = ours.session.known().unwrap();
    assert_eq!(chosen.server_name(), Some("shop.example"));
    for host in ["shop.example", "SHOP.example:8443", "b.shop.example", "shop.example."] {
        assert!(chosen.fits(host.as_bytes()), "{host}");
    }
    for host in ["api.example", "a.b.shop.example", "", "127.0.0.1"] {
        assert!(!chosen.fits(host.as_bytes()), "{host}");
    }
    let (ours, _) = connected(&tls, &peer_config(&Wish::default()), "api.example");
    assert!(!ours.session.known().unwrap().fits(b"shop.example"));
}

#[test]
fn protocols_are_agreed_upon_in_our_order() {
    let agreed = |alpn: Vec<&'static str>| {
        let tls = server(&listener(vec![shop()]));
        let (ours, _) = connected(&tls, &peer_config(&Wish { alpn, ..Wish::default() }), "shop.example");
        ours.session.alpn()
    };
    assert_eq!(agreed(vec!["http/1.1", "h2"]), Some(Protocol::H2));
    assert_eq!(agreed(vec!["http/1.1"]), Some(Protocol::Http1));
    assert_eq!(agreed(vec![]), None);
}

fn fails(from: &gateway_core::document::ListenerTls, wish: &Wish) -> (Cause, rustls::Error) {
    let tls = server(from);
    let mut ours = Ours::new(Session::server(&tls).unwrap());
    let mut peer = peer(&peer_config(wish), "shop.example");
    let cause = settle(&mut ours, &mut peer, || usize::MAX).expect_err("the handshake fails");
    exchange(&mut ours, &mut peer);
    (cause, peer.tls.process_new_packets().expect_err("the peer is told"))
}

#[test]
fn no_protocol_in_common_is_said_by_an_alert() {
    let (cause, told) = fails(&listener(vec![shop()]), &Wish { alpn: vec!["spdy"], ..Wish::default() });
    assert_eq!(cause, Cause::Protocol);
    assert_eq!(told, rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol));
}

#[test]
fn an_old_version_is_refused_where_it_is_not_wanted() {
    let only_new =
        gateway_core::document::ListenerTls { min_version: TlsVersion::V13, ..listener(vec![shop()]) };
    let [old, _] = both_versions();
    let (cause, told) = fails(&only_new, &old);
    assert_eq!(cause, Cause::Incompatible);
    assert_eq!(told, rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion));
}

#[test]
fn clients_show_certificates_or_not() {
    for wish in both_versions() {
        let with = |shows| Wish { shows, versions: wish.versions, ..Wish::default() };
        let (cause, _) = fails(&asking(ClientAuthMode::Required), &with(None));
        assert_eq!(cause, Cause::NoCertificate);
        for mode in [ClientAuthMode::Required, ClientAuthMode::Optional] {
            let (cause, _) = fails(&asking(mode), &with(Some("stranger")));
            assert_eq!(cause, Cause::UnknownIssuer, "{mode:?}");
            let (ours, _) =
                connected(&server(&asking(mode)), &peer_config(&with(Some("client"))), "shop.example");
            let identity = ours.session.known().unwrap().identity.as_ref().unwrap();
            assert_eq!(identity.spiffe_id.as_deref(), Some("spiffe://shop.example/orders"));
        }
        let optional = server(&asking(ClientAuthMode::Optional));
        assert!(
            connected(&optional, &peer_config(&with(None)), "shop.example")
                .0
                .session
                .known()
                .unwrap()
                .identity
                .is_none()
        );
        let off = server(&listener(vec![shop()]));
        assert!(
            connected(&off, &peer_config(&with(Some("client"))), "shop.example")
                .0
                .session
                .known()
                .unwrap()
                .identity
                .is_none()
        );
    }
}

#[test]
fn a_certificate_with_a_nul_in_its_name_is_nobody_s() {
    let tls = server(&asking(ClientAuthMode::Required));
    let mut ours = Ours::new(Session::server(&tls).unwrap());
    let mut peer = peer(&peer_config(&Wish { shows: Some("nul"), ..Wish::default() }), "shop.example");
    say(&mut peer, b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(settle(&mut ours, &mut peer, || usize::MAX), Err(Cause::BadCertificate));
    assert!(ours.plain.is_empty() && ours.session.leftover(&mut [0; 64]) == 0);
}

#[test]
fn a_session_is_resumed_on_another_worker_and_after_a_reload() {
    for wish in both_versions() {
        let config = peer_config(&wish);
        let (ours, _) = connected(&server(&listener(vec![shop()])), &config, "shop.example");
        assert_eq!(ours.session.kind(), Some(Cause::Full));
        let (ours, _) = connected(&server(&listener(vec![shop()])), &config, "shop.example");
        assert_eq!(ours.session.kind(), Some(Cause::Resumed));
        assert_eq!(ours.session.known().unwrap().server_name(), Some("shop.example"));
    }
}

#[test]
fn a_resumed_session_still_knows_who_the_client_is() {
    for wish in both_versions() {
        let config = peer_config(&Wish { shows: Some("client"), ..wish });
        let tls = server(&asking(ClientAuthMode::Required));
        connected(&tls, &config, "shop.example");
        let (ours, _) = connected(&tls, &config, "shop.example");
        assert_eq!(ours.session.kind(), Some(Cause::Resumed));
        assert_eq!(
            ours.session.known().unwrap().identity.as_ref().unwrap().spiffe_id.as_deref(),
            Some("spiffe://shop.example/orders")
        );
    }
}

#[test]
fn a_ticket_does_not_get_past_a_listener_that_asks_for_certificates() {
    for wish in both_versions() {
        let config = peer_config(&wish);
        connected(&server(&listener(vec![shop()])), &config, "shop.example");
        let tls = server(&asking(ClientAuthMode::Required));
        let mut ours = Ours::new(Session::server(&tls).unwrap());
        let mut peer = peer(&config, "shop.example");
        assert_eq!(settle(&mut ours, &mut peer, || usize::MAX), Err(Cause::NoCertificate));
    }
}

#[test]
fn what_is_not_tls_is_malformed_and_told_so() {
    let tls = server(&listener(vec![shop()]));
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[0; 64], &[0xff; 64]] {
        let mut ours = Ours::new(Session::server(&tls).unwrap());
        assert_eq!(ours.feed(bytes), Err(Cause::Malformed));
        assert!(!ours.out.is_empty());
        assert_eq!(ours.feed(b"more"), Err(Cause::Malformed), "it stays failed");
    }
}

#[test]
fn a_record_that_was_tampered_with_ends_the_session() {
    let tls = server(&listener(vec![shop()]));
    let (mut ours, mut peer) = connected(&tls, &peer_config(&Wish::default()), "shop.example");
    say(&mut peer, b"hello");
    let mut theirs = exchange(&mut ours, &mut peer);
    *theirs.last_mut().unwrap() ^= 1;
    assert!(ours.feed(&theirs).is_err());
    assert!(ours.plain.is_empty());
}

/// Both sides are ours.
fn between(server: &ServerTls, client: &ClientTls) -> Result<(Ours, Ours), (Option<Cause>, Option<Cause>)> {
    let mut up = Ours::new(Session::client(client, Some([127, 0, 0, 1].into())).unwrap());
    let mut down = Ours::new(Session::server(server).unwrap());
    let mut verdicts = (up.feed(&[]).err(), None);
    while !up.out.is_empty() || !down.out.is_empty() {
        let sent = std::mem::take(&mut up.out);
        verdicts.1 = verdicts.1.or(down.feed(&sent).err());
        let sent = std::mem::take(&mut down.out);
        verdicts.0 = verdicts.0.or(up.feed(&sent).err());
    }
    if verdicts == (None, None) { Ok((down, up)) } else { Err(verdicts) }
}

#[test]
fn an_upstream_is_verified_by_name() {
    let tls = server(&listener(vec![shop()]));
    assert!(between(&tls, &client(&upstream())).is_ok());
    let wrong = client(&gateway_core::document::UpstreamTls {
        server_name: Some("api.example".into()),
        ..upstream()
    });
    assert_eq!(between(&tls, &wrong).err().unwrap().0, Some(Cause::WrongName));
    let by_address = client(&gateway_core::document::UpstreamTls { server_name: None, ..upstream() });
    assert_eq!(between(&tls, &by_address).err().unwrap().0, Some(Cause::WrongName));
    assert!(between(&server(&listener(vec![api()])), &by_address).is_ok());
}

#[test]
fn an_upstream_is_verified_by_issuer_and_time() {
    let roots = Some(vec![serde_bytes::ByteBuf::from(OTHER_CA)]);
    let other = client(&gateway_core::document::UpstreamTls { roots, ..upstream() });
    assert_eq!(
        between(&server(&listener(vec![shop()])), &other).err().unwrap(),
        (Some(Cause::UnknownIssuer), Some(Cause::Refused))
    );
    let old = gateway_core::document::UpstreamTls { server_name: Some("old.example".into()), ..upstream() };
    let expired = server(&listener(vec![certificate("old", &["old.example"])]));
    assert_eq!(between(&expired, &client(&old)).err().unwrap().0, Some(Cause::Expired));
}

#[test]
fn an_upstream_that_names_no_ca_is_verified_with_those_of_the_system() {
    let tls = server(&listener(vec![shop()]));
    let unnamed = gateway_core::document::UpstreamTls { roots: None, ..upstream() };
    assert!(between(&tls, &built(&unnamed, &[b"unread", CA, b""]).unwrap()).is_ok());
    let other = built(&unnamed, &[OTHER_CA]).unwrap();
    assert_eq!(between(&tls, &other).err().unwrap().0, Some(Cause::UnknownIssuer));
    assert_eq!(built(&unnamed, &[]).unwrap_err(), "there is no CA to verify with");
    assert_eq!(built(&unnamed, &[b"unread"]).unwrap_err(), "the system has no CA that can be read (of 1)");
    let named = Some(vec![serde_bytes::ByteBuf::from(b"unread")]);
    let strict = gateway_core::document::UpstreamTls { roots: named, ..upstream() };
    assert!(built(&strict, &[CA]).unwrap_err().starts_with("roots[0]: "));
}

/// Else connections that were verified with a CA would outlive the trust in it.
#[test]
fn connections_are_not_as_good_as_those_of_other_cas() {
    let mark =
        |from: &gateway_core::document::UpstreamTls, system: &[&[u8]]| built(from, system).unwrap().mark;
    let unnamed = gateway_core::document::UpstreamTls { roots: None, ..upstream() };
    assert_eq!(mark(&unnamed, &[CA, OTHER_CA]), mark(&unnamed, &[CA, OTHER_CA]));
    assert_ne!(mark(&unnamed, &[CA, OTHER_CA]), mark(&unnamed, &[CA]));
    assert_ne!(mark(&unnamed, &[CA]), mark(&upstream(), &[CA]));
    assert_eq!(mark(&upstream(), &[CA]), mark(&upstream(), &[OTHER_CA]), "who names a CA trusts no other");
}

#[test]
fn verification_is_off_only_where_the_document_says_so() {
    let nobody = gateway_core::document::UpstreamTls { roots: Some(vec![]), ..upstream() };
    assert!(built(&nobody, &[CA]).is_err());
    let anybody = gateway_core::document::UpstreamTls { verify: false, ..nobody };
    let expired = server(&listener(vec![certificate("old", &["old.example"])]));
    assert!(between(&expired, &client(&anybody)).is_ok());
}

#[test]
fn our_certificate_is_shown_to_an_upstream_that_asks() {
    let (chain, key) = pair("client");
    let ours = gateway_core::document::UpstreamTls {
        chain: vec![serde_bytes::ByteBuf::from(chain)],
        key: Some(serde_bytes::ByteBuf::from(key)),
        ..upstream()
    };
    let (down, up) = between(&server(&asking(ClientAuthMode::Required)), &client(&ours)).ok().unwrap();
    assert_eq!(down.session.known().unwrap().identity.as_ref().unwrap().alternative_names.len(), 4);
    assert_eq!(up.session.alpn(), Some(Protocol::H2));
}

#[test]
fn a_document_with_a_key_of_another_certificate_is_refused() {
    let mut mixed = shop();
    mixed.key = pair("api").1.into();
    assert!(ServerTls::build(&listener(vec![mixed]), &[]).is_err());
    assert!(ServerTls::build(&listener(vec![]), &[]).is_err());
    let (chain, key) = pair("client");
    let mixed = gateway_core::document::UpstreamTls {
        chain: vec![serde_bytes::ByteBuf::from(chain)],
        key: Some(serde_bytes::ByteBuf::from(pair("api").1)),
        ..upstream()
    };
    assert!(built(&mixed, &[]).is_err(), "{}", key.len());
}

#[test]
fn a_message_in_pieces_does_not_disturb_what_is_sent_meanwhile() {
    let mut ours = Ours::new(Session::client(&client(&upstream()), None).unwrap());
    ours.feed(&[]).unwrap();
    let mut theirs = other_server(64);
    let mut heard = 0;
    while ours.session.is_shaking() || !ours.out.is_empty() || theirs.wants_write() {
        theirs.read_tls(&mut std::mem::take(&mut ours.out).as_slice()).unwrap();
        theirs.process_new_packets().unwrap();
        let mut bytes = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut bytes).unwrap();
        }
        for byte in bytes {
            ours.feed(&[byte]).unwrap();
            if !ours.session.is_shaking() && heard < 100 {
                // Tickets are coming in, in many records of 64 bytes.
                ours.send(b"x");
                heard += 1;
            }
        }
    }
    assert_eq!(heard, 100);
    let mut plain = vec![0; 200];
    assert_eq!(std::io::Read::read(&mut theirs.reader(), &mut plain).unwrap(), 100);
}
