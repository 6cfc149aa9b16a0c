"""Signed and encrypted e-mails: ours, and those that OpenSSL makes of a plain one."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from pathlib import Path

from mediastation.media.level1 import MediumFile
from mediastation.media.mime import MailMedium
from mediastation.media.secure_mail import SecureMailMedium
from mediastation.model.secrecy import ContentCipher, Digest, Password
from mediastation.secure.sealing.mail import mail_sealer
from mediastation.secure.sealing.recipients import recipient_from_der
from mediastation.secure.sealing.sealer import Sealer
from mediastation.secure.sealing.signer import read_signer
from tests.support.certificates import MOMENT, Identity, issue, key_usage
from tests.support.peers import run_peer

UID = "2.25.123456789"
CONTENTS = {
    "DICOMDIR": b"directory" * 700,
    "README.TXT": b"read me\r\n",
    "DICOM/IM000001": random.Random(7).randbytes(40_000),
    "DICOM/IM000002": b"",
    "DICOM/IM000003": b"\r\n--_" * 1000,
}


@functools.cache
def _people() -> tuple[Identity, Identity, Identity, Identity]:
    authority = issue("Authority", number=0, authority=True, usage=key_usage("key_cert_sign"))
    recipient = issue("Recipient", number=1, issuer=authority)
    sender = issue("Sender", number=2, issuer=authority)
    return authority, recipient, sender, issue("Stranger", number=3)


@dataclass(frozen=True)
class Mailroom:
    """A folder with certificates and keys of those who write to each other, and their mails.

    `recipient`, `sender` and `stranger` are files ``NAME.pem`` and
    ``NAME.key.pem``; `authority` stands above the first two.
    """

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Mailroom:
        """Write the files into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        names = ("authority", "recipient", "sender", "stranger")
        for name, person in zip(names, _people(), strict=True):
            person.write(folder, name)
        (folder / "authority.pem").write_bytes(_people()[0].pem)
        return cls(folder)

    @property
    def recipient(self) -> Identity:
        """For whom mails are."""
        return _people()[1]

    def certificate(self, name: str) -> Path:
        """Return the certificate file of somebody."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Return the key file of somebody."""
        return self.folder / f"{name}.key.pem"

    def files(self, contents: dict[str, bytes] | None = None) -> list[MediumFile]:
        """Write files and plan them for a medium."""
        planned = []
        for number, (path, content) in enumerate((contents or CONTENTS).items()):
            source = self.folder / f"source {number}"
            source.write_bytes(content)
            planned.append(MediumFile(path, source, len(content)))
        return planned

    def sealer(
        self,
        *,
        password: Password | None = None,
        cipher: ContentCipher = ContentCipher.AES_256,
        digest: Digest = Digest.SHA_256,
    ) -> Sealer:
        """Return what seals for the recipient, signed by the sender."""
        return mail_sealer(
            [recipient_from_der(self.recipient.der)],
            password,
            moment=MOMENT,
            signer=read_signer(self.key("sender"), self.certificate("sender"), MOMENT),
            cipher=cipher,
            digest=digest,
            iterations=100_000,
        )

    def plain(self, contents: dict[str, bytes] | None = None) -> Path:
        """Write the e-mail that is to be protected."""
        output = self.folder / "plain.eml"
        medium = MailMedium(self.files(contents), file_set_uid=UID, moment=MOMENT)
        with medium.write(output) as pending:
            return pending.commit()

    def sealed(
        self, sealer: Sealer | None = None, contents: dict[str, bytes] | None = None
    ) -> Path:
        """Write the e-mail as we protect it."""
        output = self.folder / "sealed.eml"
        medium = SecureMailMedium(
            self.files(contents),
            file_set_uid=UID,
            moment=MOMENT,
            sealer=sealer or self.sealer(),
        )
        with medium.write(output) as pending:
            assert pending.image.size_bytes == medium.size_bytes
            return pending.commit()

    def sign(self, mail: Path, *options: str, by: str = "sender", program: str = "cms") -> Path:
        """Have OpenSSL sign a mail."""
        output = mail.with_name(f"{mail.stem}-signed.eml")
        run_peer(
            "openssl", program, "-sign", "-in", mail, "-out", output,
            "-signer", self.certificate(by), "-inkey", self.key(by), *options,
        )  # fmt: skip
        return output

    def encrypt(self, mail: Path, *options: str, program: str = "cms") -> Path:
        """Have OpenSSL encrypt a mail for the recipient."""
        output = mail.with_name(f"{mail.stem}-encrypted.eml")
        run_peer(
            "openssl", program, "-encrypt", "-in", mail, "-out", output,
            *(options or ("-aes256",)), self.certificate("recipient"),
        )  # fmt: skip
        return output
