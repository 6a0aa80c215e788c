# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures that the known answers are made of, by programs other than this one."""

from __future__ import annotations

from ceremony.core.known_answers.answer import from_base64

MESSAGE = b"ceremony self-test\n"
"""What was signed and encrypted."""

P256_SPKI = from_base64("""
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1E
YimQ==
""")
"""The public key of RFC 6979, A.2.5."""

P256_PKCS8 = from_base64("""
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW
1owEm4kjth+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ
""")
"""Its private key."""

P384_SPKI = from_base64("""
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE7DpOQVtOGaRWhhgCn0J/pdqai8SukuAuBqrlKGswDGTe+PDqkFWGYGSiVFFUgLwTgBXZty19VyROqO+awMYhiW
cIpZNn+d+59UyoSz8cnbEoiyMcOuDU/nNE/SUzJkcg
""")
"""The public key of RFC 6979, A.2.6."""

ED25519_SPKI = from_base64("""
MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
""")
"""The public key of RFC 8032, 7.1, TEST 2."""

RSA_SPKI = from_base64("""
MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEAp4YN+76opzP5TKoZ5e6I/LDkLVX8q2cRTgqWfQuuzwh6Ny1yI1KOdoMZPr7il4OTgMD+9b6HOH
dttlWO+U3TwSxq1Z58aNED2jVvxfix8cXjQ0YkBLIKqSNpnLriQNJyQeJ5MCsj+sITN9xmhBI9G+BAZDPLS8lIXRI7YKqHJ8qee+Z6BU0foGijXqH1IO+I
3Jz2b3+xQGpVh/mV3cLiAcRwHgJm4TA4vNiy72iczzGfiejUSQquIcvCVlb7rvuy9ocYoqtH5W0ejcnsWWaMKNQbp10ZJUI+9rY3myEDT1Le1WLjVx2RzI
tU4M8YhyvawqBvMowap3Hav1yZBkALuJwtNr1Ji0ktlA2SobbfeK4toyF3XrNTg9iktc9YjcEof/81APgLDOjsFqogCnUMfus9Im98MlogEBZTeF9Aoh00
Mq8J4unP/LEPwoXRbKe6j+rouZcaoLvJOAq5C2H6CGD+RLJUr/sRsz9y1F829PfM4SZ6kZ5EIUNUiUh/Nf4JAgMBAAE=
""")
"""A key of 3,072 bits, made by openssl."""

RSA_PSS = from_base64("""
Z5PklK2JTr+5bwx/RgsWkXY52jWhhVi75SL5Af883tE94+CWjEzK9/Us6pM2QKaqH8eakfjxRqj2RzAJ5wZyKO38PYRUoZzdUOtculP6YBofeP+VBJOfiP
5+ObtnLpiwthLNwWendLB1PSBqaTl3MTuFGltTzWi5ZREu74h44kyPeiLWG/jD0AjLiDZfL0T6aCFvP4s93OQlyTcd9xv9wc7/x+dd7s3ckjs62d0PINjw
D7Ms3sS66+jnoEuHabyMe7VT8wGCFLKIN8SYtYDQISk1lFLlGqEpMutmgfdu834ovoerQEt6Arw5jZZxLqQPL6loDCgEqNziMaDWG4YQUDupgDHq61Tmmq
4FnlNB1AEfoPY3cMa5FNfZffwIKYn7QbSn1rVhYbNHpEntoW44bEesQd4tUHA3BLQ+bBvTWgmHqH34EiUq74R4q+lHJ2m65AVzWw71aj9yKEMEv0ZX9H3L
yynCwjtn/yktsd24qhYm0C/14NmcO6mbJcNzX8J3
""")
"""Its signature over `MESSAGE`, made by openssl: PSS, SHA-256 in both places, a salt of 32 bytes."""

RSA_PKCS1 = from_base64("""
XEUU0tQm3pR9U0NcLIoSruyQMoTBMi8jEYGLfcgt/PCe/MSWg/7SIn5LISuM72XmGrTr0IgKkFi03WCPv+XUtXPUlTo+ktOEbzvLIMivm+H5KQtWV3xLTN
GcYWrSknucwgpJMQu9cx4YIws0+32sJUZbJhTYkzLmM4/bD5u7YdPcH1/SMAZTL2H8OOQZ4ul140jUCO6K+0O5xpWsjQXSgOsawZ+aypFxw4RvrJOoftJL
NfC6mBQNrrd0pGHigzBe9dMS7Jh/wZ5v9Xz9cVR3Bpdt7WzeJzaTpKPUO/IZ0vVRUXqcD3gyFH3CeXLsSwGydadY9NK8jHLQ+AUQe5yeDqa9trgftz/+UW
6E4/Q7K/cWMA9ffq8nGm73uy+NGc14JUncOlmtkop3uhWuQNOoEEXe0wdVVlPH0T1thFjCOamHrBlyu9VoYPJj7+ouXtacd9I+IjZsVcc8zJVi8aNOzxyy
7xQhctgaBG60Qrkn37qF3DzKdg9cJ9o6M3LFKdHH
""")
"""The same, PKCS #1 v1.5."""

ROCA_MODULUS = from_base64("""
wTcM3309Giduw/+W5BMdG8dWdLQTJoY5InJxkS6Xlp3TXOcj+7pwJMuG2bHZal26f7WkCMWjt+4suM7RbUzHE/uQiottqAicGOywrYhN/lOfvDuUzqk/ut
/SEu/UGMGVU1HZ7GNh1/Ho9wFbo5udu67ANBrZjmiJCmWu2QkS044i71ZJGDv/elF4DRixlf8kNee+SpzRjMN4EZyVsQIEoiI6+YAhzZVHx6WV78J+s9IG
5MsKx0m3P0b4iPin0l76Nefa45grHMMH2k52Fuc0sloHSZLbnBUNncU1/y2B1jNB8EUs9+NOjxNev1AMfZSSmHwy7Oem+EHGw7Rkv9H/ZmwU0y3pWlXcZG
1tDMWitOb0tBJhQ5BWM59+opzba1mXv8bXaEnNjXkZ8qM6Kj3SJH3VBIfm0QqcAwjiXUPzWR755WbnwfvWvKV5kOQScxhlA3ZqjyGPBtIH1hvUKMsfOUpz
8NK0m7rvlHLq3nAzoNsEqrMijWZeJEyHwrsGungf
""")
"""A modulus of 3,072 bits whose primes were chosen as the faulty chips did."""
