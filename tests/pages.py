"""What is in an explorer page, read without a browser and without the package's own code."""

import base64
import hashlib
import html
import json
import re

import numpy as np


def block(text, name):
    """What stands in a data block; None where there is no such."""
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', text, re.S)
    return found and found[1]


def words_of(text):
    return json.loads(block(text, "words"))


def numbers(text, name, dtype):
    return np.frombuffer(base64.b64decode(block(text, name)), dtype)


def matrix_of(text, name):
    """The vectors of a page (K, H), float64."""
    about = words_of(text)
    shape = len(about["words"]), about["size"]
    raw = base64.b64decode(block(text, name))
    n = shape[0] * shape[1]
    integers = []
    for i in range(n):
        high = raw[i] - 256 if raw[i] > 127 else raw[i]
        low = raw[n + i // 2] // 16 if i % 2 else raw[n + i // 2] % 16
        integers.append(16 * high + low)
    return np.reshape(integers, shape) * numbers(text, f"{name}-scales", "<f4").astype(float)[:, None]


def network_complaints(text):
    """What could reach beyond the page: addresses, a missing or wide policy, code that the policy refuses."""
    found = [f"address {place}" for place in re.findall(r"(?i)\b(?:https?|wss?|ftp):\S{0,40}", text)]
    places = re.findall(r"""(?i)\b(?:src|href|action|srcset|data)\s*=\s*["']?([^"'\s>]+)""", text)
    found += [f"reference to {place}" for place in places if place != "data:,"]
    found += [f"{call}()" for call in re.findall(r"\b(fetch|XMLHttpRequest|WebSocket|import|eval)\(", text)]
    found += re.findall(r"@import|\burl\(", text)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    if not policy:
        return [*found, "no policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in html.unescape(policy[1]).split(";"))
    if rules.get("default-src") != "'none'" or rules.get("img-src") != "data:" or "connect-src" in rules:
        found.append(f"policy {policy[1]}")
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        for code in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S):
            digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
            if rules.get(rule) != f"'sha256-{digest}'":
                found.append(f"{tag} that the policy refuses")
    return found
