//! Against a server that answers as it is told. Encryption is tried against a real one in the tests of the program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use lettre::address::Envelope;

use super::*;

/// What the server answers to commands that begin so; the first match counts. Without a match it is `250 ok`.
type Replies = &'static [(&'static str, &'static str)];

/// Never answers.
const HANG: &str = "hang";
/// Gives the usual answer, nearly too late.
const SLOW: &str = "slow";
/// Closes the connection instead of an answer.
const CLOSE: &str = "close";

struct Server {
    address: SocketAddr,
    /// The lines that it was sent.
    lines: Receiver<String>,
}

impl Server {
    fn start(replies: Replies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sent, lines) = channel();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, replies, |line| drop(sent.send(line)));
        });
        Self { address, lines }
    }

    fn lines(self) -> Vec<String> {
        self.lines.into_iter().collect()
    }
}

fn serve(mut stream: TcpStream, replies: Replies, mut received: impl FnMut(String)) {
    let answer = |stream: &mut TcpStream, command: &str, otherwise: &str| {
        let found = replies.iter().find(|(prefix, _)| command.starts_with(prefix));
        match found.map_or(otherwise, |(_, reply)| reply) {
            HANG => thread::sleep(Duration::from_secs(5)),
            CLOSE => return false,
            SLOW => {
                thread::sleep(Duration::from_millis(250));
                drop(write!(stream, "{otherwise}\r\n"));
            }
            reply => drop(write!(stream, "{reply}\r\n")),
        }
        true
    };
    if !answer(&mut stream, "greeting", "220 ready") {
        return;
    }
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut in_message = false;
    while let Some(Ok(line)) = lines.next() {
        received(line.clone());
        let is_open = match (in_message, line.as_str()) {
            (true, ".") => {
                in_message = false;
                answer(&mut stream, "message", "250 queued")
            }
            (true, _) => true,
            (false, "DATA") => {
                in_message = true;
                answer(&mut stream, "DATA", "354 go on")
            }
            (false, command) => answer(&mut stream, command, "250 ok"),
        };
        if !is_open {
            return;
        }
    }
}

fn settings(address: SocketAddr) -> SmtpSettings {
    SmtpSettings {
        host: address.ip().to_string(),
        port: address.port(),
        security: SmtpSecurity::Plain,
        credentials: None,
        authorities: None,
        timeout: Duration::from_millis(300),
        hello: "id.example.com".to_owned(),
    }
}

fn written(recipient: &str) -> Written {
    let (local, domain) = recipient.split_once('@').unwrap();
    let from = Address::new("no-reply", "example.com").unwrap();
    let to = Address::new(local, domain).unwrap();
    Written {
        envelope: Envelope::new(Some(from), vec![to]).unwrap(),
        bytes: b"Subject: x\r\n\r\nHello\r\n.\r\nEnd\r\n".to_vec(),
    }
}

fn send_with(settings: SmtpSettings) -> SendOutcome {
    SmtpTransport::new(settings)
        .unwrap()
        .send(&written("ada@example.org"))
}

fn send(replies: Replies) -> SendOutcome {
    send_with(settings(Server::start(replies).address))
}

/// The reason of a failure, and whether it is final.
fn reason(outcome: &SendOutcome) -> (MailFailureReason, bool) {
    match outcome {
        SendOutcome::Retry(failure) => (failure.reason, false),
        SendOutcome::Refused(failure) => (failure.reason, true),
        SendOutcome::Delivered => panic!("delivered"),
    }
}

#[test]
fn a_mail_is_handed_over_with_its_envelope() {
    let server = Server::start(&[]);
    assert_eq!(send_with(settings(server.address)), SendOutcome::Delivered);
    let lines = server.lines();
    let expected = [
        "EHLO id.example.com",
        "MAIL FROM:<no-reply@example.com>",
        "RCPT TO:<ada@example.org>",
        "DATA",
        "Subject: x",
        "",
        "Hello",
        "..",
        "End",
        "",
        ".",
        "QUIT",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn only_what_is_said_about_the_recipient_is_final() {
    use MailFailureReason::{Authentication, Recipient, Server};
    let cases: [(Replies, MailFailureReason, bool); 19] = [
        (&[("RCPT", "550 no such user")], Recipient, true),
        (&[("RCPT", "550 5.1.1 no such user")], Recipient, true),
        (
            &[("RCPT", "550-5.1.1 no\r\n550 5.1.1 such user")],
            Recipient,
            true,
        ),
        (&[("RCPT", "552 5.2.2 mailbox full")], Recipient, true),
        (&[("RCPT", "553 5.1.3 bad address")], Recipient, true),
        (&[("message", "550 5.1.1 no such user")], Recipient, true),
        (&[("RCPT", "450 4.2.1 try later")], Server, false),
        (&[("RCPT", "451 greylisted")], Server, false),
        (&[("RCPT", "554 5.7.1 relay access denied")], Server, false),
        (&[("RCPT", "550 5.7.1 relaying denied")], Server, false),
        (&[("RCPT", "550 5.4.1 no route")], Server, false),
        (&[("RCPT", "501 syntax")], Server, false),
        (&[("message", "554 5.7.1 spam")], Server, false),
        (&[("MAIL", "550 5.1.0 sender rejected")], Server, false),
        (
            &[("MAIL", "530 5.7.0 authentication required")],
            Authentication,
            false,
        ),
        (
            &[("RCPT", "530 5.7.0 authentication required")],
            Authentication,
            false,
        ),
        (&[("RCPT", "535 5.7.8 no")], Authentication, false),
        (&[("greeting", "554 no service")], Server, false),
        (&[("greeting", "421 busy")], Server, false),
    ];
    for (replies, expected, is_final) in cases {
        assert_eq!(reason(&send(replies)), (expected, is_final), "{replies:?}");
    }
}

#[test]
fn a_server_that_hangs_or_lies_is_tried_again() {
    use MailFailureReason::{Connection, Server};
    for step in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "message"] {
        for (reply, expected) in [
            (HANG, Connection),
            ("hello", Server),
            ("250-more", Connection),
            ("999 what", Server),
        ] {
            let replies: Replies = Box::leak(Box::new([(step, reply)]));
            let begun = now();
            assert_eq!(reason(&send(replies)), (expected, false), "{step}: {reply}");
            assert!(now() - begun < Duration::from_secs(2), "{step}: {reply}");
        }
        let replies: Replies = Box::leak(Box::new([(step, CLOSE)]));
        assert!(!reason(&send(replies)).1, "{step}");
    }
}

#[test]
fn an_attempt_with_a_slow_server_is_broken_off() {
    let begun = now();
    assert_eq!(
        reason(&send(&[("", SLOW)])),
        (MailFailureReason::Connection, false)
    );
    assert!(now() - begun < Duration::from_secs(2));
    // One slow answer is not the end.
    assert_eq!(send(&[("RCPT", SLOW)]), SendOutcome::Delivered);
}

#[test]
fn a_goodbye_that_fails_changes_nothing() {
    for reply in [HANG, CLOSE, "550 5.1.1 no such user"] {
        let replies: Replies = Box::leak(Box::new([("QUIT", reply)]));
        assert_eq!(send(replies), SendOutcome::Delivered, "{reply}");
    }
}

#[test]
fn nobody_who_listens_is_tried_again() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(
        reason(&send_with(settings(unused))),
        (MailFailureReason::Connection, false)
    );
    let nameless = SmtpSettings {
        host: "mail.invalid".to_owned(),
        ..settings(unused)
    };
    assert_eq!(
        reason(&send_with(nameless)),
        (MailFailureReason::Connection, false)
    );
}

#[test]
fn nothing_is_sent_without_the_encryption_that_is_configured() {
    let plain: Replies = &[("EHLO", "250 hello")];
    let refused: Replies = &[("EHLO", "250 STARTTLS"), ("STARTTLS", "454 not now")];
    let lying: Replies = &[("EHLO", "250 STARTTLS"), ("STARTTLS", "220 go on")];
    for (security, replies, expected) in [
        (SmtpSecurity::StartTls, plain, MailFailureReason::Tls),
        (SmtpSecurity::StartTls, refused, MailFailureReason::Server),
        (SmtpSecurity::StartTls, lying, MailFailureReason::Tls),
        (SmtpSecurity::Tls, plain, MailFailureReason::Tls),
    ] {
        let server = Server::start(replies);
        let settings = SmtpSettings {
            security,
            credentials: Some(credentials()),
            ..settings(server.address)
        };
        assert_eq!(reason(&send_with(settings)), (expected, false), "{security:?}");
        let lines = server.lines().concat();
        for part in ["AUTH", "MAIL", "RCPT"] {
            assert!(!lines.contains(part), "{lines}");
        }
    }
}

fn credentials() -> SmtpCredentials {
    SmtpCredentials {
        username: "doorward".to_owned(),
        password: SecretString::from("hunter2"),
    }
}

#[test]
fn refused_credentials_are_tried_again_and_not_shown() {
    let attempt = |replies| {
        send_with(SmtpSettings {
            credentials: Some(credentials()),
            ..settings(Server::start(replies).address)
        })
    };
    assert_eq!(
        attempt(&[("EHLO", "250 AUTH PLAIN LOGIN")]),
        SendOutcome::Delivered
    );
    for replies in [
        &[("EHLO", "250 hello")][..],
        &[("EHLO", "250 AUTH CRAM-MD5")],
        &[
            ("EHLO", "250 AUTH PLAIN"),
            ("AUTH", "535 5.7.8 AGRvb3J3YXJkAGh1bnRlcjI= hunter2"),
        ],
        &[("EHLO", "250 AUTH LOGIN"), ("AUTH", "534 5.7.9 hunter2")],
        &[("EHLO", "250 AUTH PLAIN"), ("AUTH", "454 4.7.0 hunter2")],
    ] {
        let outcome = attempt(replies);
        assert_eq!(
            reason(&outcome),
            (MailFailureReason::Authentication, false),
            "{replies:?}"
        );
        let shown = format!("{outcome:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("AGRvb3J3"),
            "{shown}"
        );
    }
    let shown = format!(
        "{:?}",
        SmtpSettings {
            credentials: Some(credentials()),
            ..settings(SocketAddr::from(([127, 0, 0, 1], 25)))
        }
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn an_address_that_is_not_ascii_needs_a_server_that_knows_it() {
    let attempt = |replies| {
        let server = Server::start(replies);
        let transport = SmtpTransport::new(settings(server.address)).unwrap();
        (
            transport.send(&written("rené@example.org")),
            server.lines().concat(),
        )
    };
    let (outcome, _) = attempt(&[("EHLO", "250 8BITMIME")]);
    assert_eq!(reason(&outcome), (MailFailureReason::Recipient, true));
    let (outcome, lines) = attempt(&[("EHLO", "250-8BITMIME\r\n250 SMTPUTF8")]);
    assert_eq!(outcome, SendOutcome::Delivered);
    assert!(
        lines.contains("SMTPUTF8") && lines.contains("RCPT TO:<rené@example.org>"),
        "{lines}"
    );
}

#[test]
fn what_a_server_says_is_kept_as_one_short_line() {
    let SendOutcome::Retry(failure) = send(&[("RCPT", "451 a\u{1b}[31m\u{7}b")]) else {
        panic!("not retried");
    };
    assert!(
        !failure.detail.contains(char::is_control) && failure.detail.contains("a [31m b"),
        "{failure}"
    );
    assert_eq!(one_line(&"é\n".repeat(500)).chars().count(), MAX_DETAIL);
}

#[test]
fn authorities_must_be_certificates() {
    for pem in [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(Authorities::from_pem(pem.as_bytes()).is_err(), "{pem:?}");
    }
}

#[test]
fn the_name_in_the_greeting_may_be_an_address() {
    for (host, expected) in [
        ("id.example.com", "id.example.com"),
        ("127.0.0.1", "[127.0.0.1]"),
        ("[::1]", "[IPv6:::1]"),
    ] {
        assert_eq!(client_id(host).to_string(), expected);
    }
}
