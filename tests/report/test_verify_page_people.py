# SPDX-License-Identifier: Apache-2.0
"""verify.html, rules 8, 9 and 12: signatures of people in their one form, and who of them counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.peers.chromium import Browser, Page
from tests.report.sealed import Files, Sealed, broken, person, slug
from tests.report.ssh_keys import KINDS, Bent, SshKey, key

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3
WIM_SIG = f"heads/0002.{slug('Wim')}.sig"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


# --- rule 8: signatures of people ------------------------------------------------------------------


def signed_with(wim: SshKey, signature: Callable[[bytes], bytes]) -> Files:
    """Return a folder whose witness has this key, and this signature over the last head."""
    after = lambda files: files.update({WIM_SIG: signature(files["heads/0002.txt"])})  # noqa: E731 - as short as it is
    return Sealed().build(before=person(1, key=f"{wim.line} a comment"), after=after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hashed", [b"sha256", b"sha512"])
def test_takes_signatures_of_every_kind_of_key(page: Page, kind: str, hashed: bytes) -> None:
    wim = key(kind)
    assert page.verdict(signed_with(wim, lambda message: wim.sign(message, Bent(hash=hashed)))) == VERIFIED, page.lines(8)


BENT = {
    "another namespace": Bent(namespace=b"ceremony-plan"),
    "an empty namespace": Bent(namespace=b""),
    "something in the reserved field": Bent(reserved=b"x"),
    "over SHA-384": Bent(hash=b"sha384"),
    "over SHA-1": Bent(hash=b"sha1"),
    "of version 2": Bent(version=2),
    "something after the value": Bent(after_value=b"\0"),
    "something after the signature": Bent(after_signature=b"\0"),
    "something after the blob": Bent(after_blob=b"\0"),
    "lines of 76": Bent(line=76),
    "something after the armor": Bent(after_armor=b"\n"),
    "another format": Bent(format="ssh-dss"),
}


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", "sk-ssh-ed25519@openssh.com"])
@pytest.mark.parametrize("bent", BENT.values(), ids=BENT.keys())
def test_refuses_signatures_in_any_other_form(page: Page, kind: str, bent: Bent) -> None:
    wim = key(kind)
    assert page.verdict(signed_with(wim, lambda message: wim.sign(message, bent))) == FAILED
    assert broken(page, 8) <= {8, 9}


@pytest.mark.parametrize(
    ("kind", "bent"),
    [
        pytest.param("ecdsa-sha2-nistp256", Bent(long_numbers=True), id="longer numbers"),
        pytest.param("sk-ecdsa-sha2-nistp256@openssh.com", Bent(long_numbers=True), id="longer numbers of a security key"),
        pytest.param("sk-ssh-ed25519@openssh.com", Bent(flags=0), id="nobody touched"),
        pytest.param("sk-ecdsa-sha2-nistp256@openssh.com", Bent(flags=4), id="a PIN, and nobody touched"),
        pytest.param("ssh-rsa", Bent(format="ssh-rsa"), id="RSA with SHA-1"),
        pytest.param("sk-ssh-ed25519@openssh.com", Bent(format="ssh-ed25519"), id="a security key as another"),
    ],
)
def test_refuses_what_only_some_kinds_can_get_wrong(page: Page, kind: str, bent: Bent) -> None:
    wim = key(kind)
    assert page.verdict(signed_with(wim, lambda message: wim.sign(message, bent))) == FAILED
    assert broken(page, 8) <= {8, 9}


def test_takes_a_pin_with_the_touch_and_rsa_with_sha_256(page: Page) -> None:
    for kind, bent in (("sk-ssh-ed25519@openssh.com", Bent(flags=5)), ("ssh-rsa", Bent(format="rsa-sha2-256"))):
        wim = key(kind)
        assert page.verdict(signed_with(wim, lambda message, wim=wim, bent=bent: wim.sign(message, bent))) == VERIFIED


def test_refuses_short_rsa_and_another_s_signature(page: Page) -> None:
    short = key("ssh-rsa", 1024)
    assert page.verdict(signed_with(short, short.sign)) == FAILED
    assert "fewer than 2048" in " ".join(page.lines(8))
    one, other = key("ssh-ed25519"), SshKey("ssh-ed25519")
    assert page.verdict(signed_with(one, other.sign)) == FAILED
    assert page.verdict(signed_with(one, lambda message: one.sign(message + b"x"))) == FAILED


# --- rules 9 and 12: who counts ---------------------------------------------------------------------

OTHER = SshKey("ssh-ed25519").line
LISTED: dict[str, tuple[int, Callable[[Sealed], str]]] = {
    "all": (VERIFIED, lambda s: s.signers().decode()),
    "those who signed": (VERIFIED, lambda s: s.signers("Ada", "Wim").decode()),
    "one of them": (INCOMPLETE, lambda s: s.signers("Ada").decode()),
    "nobody": (INCOMPLETE, lambda s: "# nobody\n"),
    "a key of another": (FAILED, lambda s: f"{s.signers('Ada').decode()}{slug('Wim')} {OTHER}\n"),
    "another key of who did not sign": (FAILED, lambda s: f"{s.signers('Ada', 'Wim').decode()}{slug('Carla')} {OTHER}\n"),
    "two keys, one of them": (VERIFIED, lambda s: f"{s.signers().decode()}{slug('Wim')} {OTHER}\n"),
    "people who were not there": (VERIFIED, lambda s: f"{s.signers().decode()}{slug('Eve')} {OTHER}\n"),
    "a name and not that of a file": (INCOMPLETE, lambda s: f"{s.signers('Ada').decode()}Wim {s.cosigner.line('Wim')}\n"),
    "several in a line": (INCOMPLETE, lambda s: f"{slug('Ada')},{slug('Eve')} {s.cosigner.line('Ada')}\n"),
    "namespaces": (VERIFIED, lambda s: s.signers(options='namespaces="ceremony-head" ').decode()),
    "more namespaces": (VERIFIED, lambda s: s.signers(options='namespaces="git,ceremony-head" ').decode()),
    "other namespaces": (FAILED, lambda s: s.signers(options='namespaces="git" ').decode()),
    "patterns": (FAILED, lambda s: s.signers(options='namespaces="*" ').decode()),
    "times around": (VERIFIED, lambda s: s.signers(options='valid-after="20260101Z",valid-before="202701010000Z" ').decode()),
    "that very second": (VERIFIED, lambda s: s.signers(options='valid-after="20261119090011Z" ').decode()),
    "a second later": (INCOMPLETE, lambda s: s.signers(options='valid-after="20261119090012Z" ').decode()),
    "before its end": (VERIFIED, lambda s: s.signers(options='valid-before="20261119090011Z" ').decode()),
    "after its end": (INCOMPLETE, lambda s: s.signers(options='valid-before="20261119090010Z" ').decode()),
    "times without a zone": (FAILED, lambda s: s.signers(options='valid-after="20260101" ').decode()),
    "a time that is none": (FAILED, lambda s: s.signers(options='valid-after="20260231Z" ').decode()),
    "times the wrong way round": (FAILED, lambda s: s.signers(options='valid-after="2027"0101Z",valid-before="20260101Z" ').decode()),
    "an unknown option": (FAILED, lambda s: s.signers(options="cert-authority ").decode()),
    "an option twice": (FAILED, lambda s: s.signers(options='valid-after="20260101Z",valid-after="20260101Z" ').decode()),
    "a pattern for a name": (FAILED, lambda s: f"* {s.cosigner.line('Ada')}\n"),
    "two blanks": (FAILED, lambda s: s.signers().decode().replace(" ", "  ")),
    "tabs": (FAILED, lambda s: s.signers().decode().replace(" ", "\t")),
    "carriage returns": (FAILED, lambda s: s.signers().decode().replace("\n", "\r\n")),
    "a damaged key": (FAILED, lambda s: s.signers().decode().replace("AAAAC3", "AAAAC4")),
    "no key": (FAILED, lambda s: f"{slug('Ada')} ssh-ed25519\n"),
    "a comment that is not ASCII": (FAILED, lambda s: s.signers().decode().replace("\n", " é\n")),
    "comments": (VERIFIED, lambda s: "# people\n\n" + s.signers().decode().replace("\n", " of the day\n")),
    "no newline at the end": (VERIFIED, lambda s: s.signers().decode().rstrip()),
}  # fmt: skip


@pytest.mark.parametrize(("exit_code", "text"), LISTED.values(), ids=LISTED.keys())
def test_only_people_whom_the_signers_list_count(page: Page, exit_code: int, text: Callable[[Sealed], str]) -> None:
    made_ = Sealed("production")
    assert page.verdict(made_.build(), text(made_).encode()) == exit_code, page.lines()
    if exit_code != VERIFIED:
        assert broken(page, 12 if exit_code == FAILED else 9) <= {9, 12}
