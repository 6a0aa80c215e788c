# SPDX-License-Identifier: Apache-2.0
"""What backups are made of: age files, and a wrapped key."""

from __future__ import annotations

from ceremony.core.known_answers.answer import from_base64

IDENTITY = "AGE-SECRET-KEY-1FTA602JVYWWW6WEU7ASRXAESDNK9EGQZVDXGU8XVZE4GRJDCDCCSHYUDVZ"
"""An age identity that everybody knows: for nothing but this."""

RECIPIENT = "age1w2mg8s6u7l6d8f6y3gx0x5ryawryrhl9ar62h5dsqkhu47znhvmqv7vd25"

AGE_FILE = from_base64("""
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBiTjlDdkxDRm1OQkpZbWRVelc3R3BLZndEVmZUZllRLzRRSVlNbkYwQjNzCit2TkhUdndablByWm
d3Z210NFc3c05kWGtXYUk5blB0dUtCN2xROWtNc2sKLS0tIERzcCsxSEJpTW9Ha0NPdk5IeUZsOGxpTGFuVkxyUldzQk1OcFpQT3FJc0UKXF67cxUH833g
urNEv9jb8vYLeFTXmDx2jbFoDOOkrOvl76cCJajjve0aNjwJHrSHFQTb
""")
"""`MESSAGE` to that recipient, as age wrote it."""

WORDS = (
    "topmost istanbul pluto vagabond treadmill pacific brackish dictator "
    "goldfish medusa afflict bravado chatter revolver dupont midsummer"
)

AGE_PASSPHRASE_FILE = from_base64("""
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBZMGVhMXBvSkN5V0NkK3lQdW0rWlFRIDEwCndUQVZnYW1rQ0VPVHB6VzhpUDI3dXBhVEJyaWhIen
BOdm12TmY4MTY1RW8KLS0tIEU5NEMyQzBNZE8weTJRS292cUFSQ0wxQXVuOXgxWVFvSk04KzhpNXUwSDgKeDd7UldXtJRCf4kBT5fXmdT3G6cEGe+dAuqf
wY6LoYDABQCO68rpyCHPP2QXU9EyHE+pKMX7/xUObx8oPvEvnc1wkCgvU5l9NtOiy4Cyzp2zcbh+mqi8na9TAvXx+GIMI+HKDXZfC6675w==
""")
"""The identity under that passphrase; scrypt with 2^10, so that it opens at once."""

WRAPPED = from_base64("""
AExTOTqsJNDt11uLLDT4SCk442kDjijNCleQ5ymeLXc30GfaBfu4mnksM9HTVl2lu9Im9y/k8OPnVAXyOw70DuMq1wx5YgEAX4rBk6IT5B/hAXKnYStdB9
klvzxtTXjOFA9Ehdj9NolGqv1dfwFa4M/uouBg/s7aP92GAWMrmJuOjqnjUapbqlyGa8UOIb4+ZMpC8jj35GQ=
""")
"""The private key of RFC 6979, A.2.5, PKCS #8, under AES-KWP with the key 00 01 … 1f."""
