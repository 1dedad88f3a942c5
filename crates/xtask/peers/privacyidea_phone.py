"""A phone without a person for privacyIDEA's push tokens, and the application beside it.

    privacyidea_phone.py enrol URL STATE USERS     binds a token to each of so many users
    privacyidea_phone.py run URL STATE CLIENTS SECONDS

A cycle: the application triggers a challenge (without a PIN, whose hash would be most of the work), the
phone asks for its challenges, the phone answers, the application asks how it stands and redeems it.
"""

import base64
import datetime
import json
import sys
import threading
import time

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ADMIN = {"username": "admin", "password": "bench-admin"}


class Api:
    def __init__(self, url):
        self.url, self.session, self.token = url, requests.Session(), None

    def ask(self, method, path, signed_in=False, **more):
        headers = {"Authorization": self.token} if signed_in else {}
        got = self.session.request(method, self.url + path, headers=headers, timeout=60, **more)
        body = got.json()
        if not got.ok or body["result"].get("status") is False:
            raise SystemExit(f"{method} {path}: {got.status_code}: {body['result']}")
        return body

    def sign_in(self):
        self.token = self.ask("POST", "/auth", json=ADMIN)["result"]["value"]["token"]


def sign(key, text):
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b32encode(signature).decode()


def enrol(url, state, users):
    api = Api(url)
    api.sign_in()
    api.ask("POST", "/resolver/people", True, json={"type": "passwdresolver", "fileName": state + ".passwd"})
    api.ask("POST", "/realm/people", True, json={"resolvers": "people"})
    api.ask("POST", "/defaultrealm/people", True)
    action = f"push_firebase_configuration=poll only,push_registration_url={url}/ttype/push,push_ttl=10"
    api.ask("POST", "/policy/push", True, json={"scope": "enrollment", "action": action, "active": True})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    tokens = []
    for number in range(users):
        user = f"u{number}"
        new = {"type": "push", "genkey": 1, "user": user, "realm": "people", "pin": "1234"}
        detail = api.ask("POST", "/token/init", True, json=new)["detail"]
        api.ask("POST", "/ttype/push", data={
            "serial": detail["serial"],
            "fbtoken": "",
            "pubkey": base64.urlsafe_b64encode(public).decode(),
            "enrollment_credential": detail["enrollment_credential"],
        })
        tokens.append([user, detail["serial"]])
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with open(state, "w") as file:
        json.dump({"key": pem.decode(), "tokens": tokens}, file)


def cycle(api, key, user, serial):
    asked = api.ask("POST", "/validate/triggerchallenge", True, json={"user": user})
    transaction = asked["detail"]["transaction_id"]
    at = datetime.datetime.now(datetime.timezone.utc).isoformat()
    poll = {"serial": serial, "timestamp": at, "signature": sign(key, f"{serial}|{at}")}
    challenges = api.ask("GET", "/ttype/push", params=poll)["result"]["value"]
    nonce = challenges[-1]["nonce"]
    answer = {"serial": serial, "nonce": nonce, "signature": sign(key, f"{nonce}|{serial}")}
    if api.ask("POST", "/ttype/push", data=answer)["result"]["value"] is not True:
        raise SystemExit("the answer was not taken")
    at_hand = {"transaction_id": transaction}
    if api.ask("GET", "/validate/polltransaction", params=at_hand)["result"]["value"] is not True:
        raise SystemExit("the answer was not seen")
    redeem = {"user": user, "pass": "", "transaction_id": transaction}
    if api.ask("POST", "/validate/check", json=redeem)["result"]["authentication"] != "ACCEPT":
        raise SystemExit("the challenge was not redeemed")


def run(url, state, clients, seconds):
    with open(state) as file:
        known = json.load(file)
    key = serialization.load_pem_private_key(known["key"].encode(), None)
    waits, failed = [], []

    def client(number):
        try:
            api = Api(url)
            api.sign_in()
            ready.wait()
            mine = known["tokens"][number::clients]
            turn = 0
            while time.monotonic() < until[0]:
                begun = time.monotonic()
                cycle(api, key, *mine[turn % len(mine)])
                waits.append(time.monotonic() - begun)
                turn += 1
        except BaseException as error:
            failed.append(str(error))
            ready.abort()

    until = [0.0]
    begun = [0.0]

    def start():
        begun[0] = time.monotonic()
        until[0] = begun[0] + seconds

    ready = threading.Barrier(clients, start)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(failed[0])
    took = time.monotonic() - begun[0]
    waits.sort()
    print(json.dumps({
        "count": len(waits),
        "rate": len(waits) / took,
        "p50_ms": waits[len(waits) // 2] * 1e3,
        "p99_ms": waits[min(len(waits) * 99 // 100, len(waits) - 1)] * 1e3,
    }))


if sys.argv[1] == "enrol":
    enrol(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
