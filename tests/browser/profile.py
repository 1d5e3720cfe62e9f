# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A Firefox's profile: what Tor Browser sets at its safest level, as far as Firefox ESR has it, and what keeps a browser of the tests alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

#: What Tor Browser sets, as far as Firefox ESR has it, and its safest level.
TOR_BROWSER: Final[Mapping[str, bool | int | str]] = {
    "javascript.enabled": False,
    "svg.disabled": True,
    "mathml.disabled": True,
    "gfx.downloadable_fonts.enabled": False,
    "gfx.font_rendering.graphite.enabled": False,
    "webgl.disabled": True,
    "media.peerconnection.enabled": False,
    "media.webaudio.enabled": False,
    "privacy.resistFingerprinting": True,
    "privacy.firstparty.isolate": True,
    "privacy.spoof_english": 2,
    "browser.privatebrowsing.autostart": True,
    "browser.cache.disk.enable": False,
    "browser.formfill.enable": False,
    "browser.sessionstore.privacy_level": 2,
    "signon.rememberSignons": False,
    "network.cookie.cookieBehavior": 1,
    "network.dns.disablePrefetch": True,
    "network.predictor.enabled": False,
    "network.prefetch-next": False,
    "network.http.speculative-parallel-limit": 0,
    "network.http.altsvc.enabled": False,
    "network.http.referer.hideOnionSource": True,
    "network.dns.blockDotOnion": False,
    "network.proxy.socks_remote_dns": True,
    "network.proxy.socks5_remote_dns": True,
    "dom.security.https_only_mode": True,
    "security.mixed_content.upgrade_display_content": False,
    "dom.securecontext.allowlist_onions": True,
    "permissions.default.geo": 2,
}
#: A browser that is nobody's: no first-run pages, no updates, no reports, no network but loopback.
ALONE: Final[Mapping[str, bool | int | str]] = {
    "network.proxy.type": 1,
    "network.proxy.socks_version": 5,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False,
    "startup.homepage_welcome_url": "about:blank",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.unified": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    # Desktop Firefox keeps its window wider than a phone; a style of ours lifts that.
    "toolkit.legacyUserProfileCustomizations.stylesheets": True,
    "remote.log.level": "Error",
}
#: A SOCKS proxy that does not exist.
NOWHERE: Final = ("127.0.0.1", 9)
NARROW_WINDOW: Final = ":root { min-width: 0 !important; }\n"


def profile(folder: Path, downloads: Path, proxy: tuple[str, int], changed: Mapping[str, bool | int | str]) -> Path:
    """A fresh profile in a folder that is not there yet."""
    prefs = {
        **TOR_BROWSER,
        **ALONE,
        "network.proxy.socks": proxy[0],
        "network.proxy.socks_port": proxy[1],
        "marionette.port": 0,
        "browser.download.folderList": 2,
        "browser.download.dir": str(downloads),
        "browser.download.useDownloadDir": True,
        "browser.download.always_ask_before_handling_new_types": False,
        "browser.download.alwaysOpenPanel": False,
        "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream,application/x-tar",
        # Left alone, Firefox opens every PDF that it has saved, in a tab in front of the page.
        "pdfjs.disabled": True,
        **changed,
    }
    (folder / "chrome").mkdir(parents=True)
    (folder / "chrome" / "userChrome.css").write_text(NARROW_WINDOW)
    lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in prefs.items())
    (folder / "user.js").write_text("".join(lines))
    return folder
