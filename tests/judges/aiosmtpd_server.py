#!/usr/bin/env python3
"""aiosmtpd_server.py PROGRAM    mail arrives at a server that is not ours, through TLS and with a login.

PROGRAM is the example `wire`, which sends 200 mails. aiosmtpd takes them with implicit TLS and with STARTTLS, by PLAIN and by
LOGIN; it has to have each recipient once. A wrong password, a certificate of nobody and a line without TLS get nothing there.
"""
import os
import socket
import ssl
import subprocess
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

import common
from common import expect

USER, PASSWORD = b"ana@example.org", b"a secret"


class Inbox:
    def __init__(self):
        self.recipients, self.mechanisms = [], set()

    async def handle_DATA(self, server, session, envelope):
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        self.mechanisms.add(mechanism)
        return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), handled=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(folder, name, *options):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=" + name, "-keyout", "%s/%s.key" % (folder, name), "-out", "%s/%s.pem" % (folder, name), *options],
                   check=True, capture_output=True)


def send(inbox, folder, server, url, ca="ca.pem", password=PASSWORD.decode()):
    """What the program says, and how many mails arrived."""
    before = len(inbox.recipients)
    done = subprocess.run([sys.argv[1], url % server.port, "%s/%s" % (folder, ca)], env={**os.environ, "TIDINGS_SMTP_PASSWORD": password},
                          capture_output=True, text=True, timeout=120)
    return done, inbox.recipients[before:]


def main(folder):
    openssl(folder, "ca", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl(folder, "nobody", "-addext", "basicConstraints=critical,CA:TRUE")
    openssl(folder, "leaf", "-CA", "%s/ca.pem" % folder, "-CAkey", "%s/ca.key" % folder, "-addext",
            "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain("%s/leaf.pem" % folder, "%s/leaf.key" % folder)
    for name, url, mechanism, options in (
            ("TLS from the start, PLAIN", "smtps://ana%%40example.org@localhost:%d", "PLAIN",
             {"ssl_context": tls, "auth_require_tls": False}),
            ("STARTTLS, PLAIN", "smtp://ana%%40example.org@localhost:%d?tls=required", "PLAIN",
             {"tls_context": tls, "require_starttls": True}),
            ("STARTTLS, LOGIN", "smtp://ana%%40example.org@localhost:%d?tls=required", "LOGIN",
             {"tls_context": tls, "require_starttls": True, "auth_exclude_mechanism": ["PLAIN"]})):
        inbox = Inbox()
        server = Controller(inbox, hostname="127.0.0.1", port=free_port(), auth_required=True, authenticator=inbox.authenticate,
                            **options)
        server.start()
        try:
            done, got = send(inbox, folder, server, url)
            expect(done.returncode == 0 and len(got) == len(set(got)) == 200 and inbox.mechanisms == {mechanism},
                   name + ": 200 mails arrive, each once", (done.stderr, len(got), inbox.mechanisms))
            done, got = send(inbox, folder, server, url, password="wrong")
            expect(done.returncode and "535" in done.stderr and not got and "wrong" not in done.stderr,
                   name + ": a wrong password is refused", done.stderr)
            done, got = send(inbox, folder, server, url, ca="nobody.pem")
            expect(done.returncode and "UnknownIssuer" in done.stderr and not got, name + ": a certificate of nobody is refused",
                   done.stderr)
            if "tls_context" in options:
                done, got = send(inbox, folder, server, "smtp://localhost:%d", password="")
                expect(done.returncode and "530" in done.stderr and not got, name + ": a line without TLS is refused", done.stderr)
        finally:
            server.stop()


if __name__ == "__main__":
    with common.Folder() as path:
        main(path)
    common.finish()
