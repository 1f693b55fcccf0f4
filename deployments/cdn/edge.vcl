# A Varnish edge for public streams, of low latency too. For Varnish 6.0 or later:
#
#   varnishd -a :80 -f /etc/varnish/edge.vcl -s malloc,2g -p thread_pool_max=10000
#
# Of what many viewers ask for, the gateway is asked once, and all get each byte as it
# comes: parts and playlists at the moment when they exist, open segments piece by piece.
# TLS, HTTP/2 and HTTP/3 are for something in front: see Caddyfile.

vcl 4.1;

import std;

backend sluice {
    .host = "127.0.0.1";
    .port = "8080";
    .first_byte_timeout = 60s;     # requests are held until there is media
    .between_bytes_timeout = 60s;  # so are open segments
    .probe = {
        .url = "/healthz";
        .interval = 2s;
        .timeout = 5s;
        .threshold = 1;
        .window = 3;
        .initial = 1;
    }
}

sub vcl_recv {
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.url ~ "^/live/[a-z0-9_-]+(/[a-z0-9_-]+)?/(index\.m3u8|ts\.m3u8|iframes\.m3u8|manifest\.mp[dp]|poster\.jpg|thumbnails\.vtt)(\?|$)") {
        # The arguments that change an answer, each once and in one order. Nothing else gets
        # through: neither CMCD nor what somebody invents makes a further copy.
        set req.http.sluice-args = "";
        if (req.url ~ "[?&]_HLS_msn=") {
            set req.http.sluice-args = req.http.sluice-args + "&_HLS_msn=" + regsub(req.url, "^.*?[?&]_HLS_msn=([^&]*).*$", "\1");
        }
        if (req.url ~ "[?&]_HLS_part=") {
            set req.http.sluice-args = req.http.sluice-args + "&_HLS_part=" + regsub(req.url, "^.*?[?&]_HLS_part=([^&]*).*$", "\1");
        }
        if (req.url ~ "[?&]_HLS_skip=") {
            set req.http.sluice-args = req.http.sluice-args + "&_HLS_skip=" + regsub(req.url, "^.*?[?&]_HLS_skip=([^&]*).*$", "\1");
        }
        if (req.url ~ "[?&]after=") {
            set req.http.sluice-args = req.http.sluice-args + "&after=" + regsub(req.url, "^.*?[?&]after=([^&]*).*$", "\1");
        }
        if (req.url ~ "[?&]start=") {
            set req.http.sluice-args = req.http.sluice-args + "&start=" + regsub(req.url, "^.*?[?&]start=([^&]*).*$", "\1");
        }
        if (req.url ~ "[?&]publishTime=") {
            set req.http.sluice-args = req.http.sluice-args + "&publishTime=" + regsub(req.url, "^.*?[?&]publishTime=([^&]*).*$", "\1");
        }
        if (req.url ~ "[?&]version=") {
            set req.http.sluice-args = req.http.sluice-args + "&version=" + regsub(req.url, "^.*?[?&]version=([^&]*).*$", "\1");
        }
        set req.url = regsub(req.url, "\?.*$", "") + regsub(req.http.sluice-args, "^&", "?");
        unset req.http.sluice-args;
    } elseif (req.url ~ "^/live/[a-z0-9_-]+/[a-z0-9_-]+/[0-9]+/(init\.mp4|[0-9]+(\.[0-9]+)?\.m4s|[0-9]+\.ts|(sheet-[0-9]+-)?[0-9]+\.jpg)(\?|$)" || req.url ~ "^/assets/") {
        set req.url = regsub(req.url, "\?.*$", "");
    } else {
        return (pass);
    }
    unset req.http.Cookie;
    unset req.http.Authorization;
    # Nobody gets what is too old while the gateway is there, but where it allows that
    # (stale-while-revalidate, of multivariant playlists).
    if (std.healthy(req.backend_hint) && req.restarts == 0) {
        if (req.url ~ "^/live/[a-z0-9_-]+/(index|ts)\.m3u8$") {
            set req.grace = 5s;
        } else {
            set req.grace = 0s;
        }
    }
    return (hash);
}

sub vcl_backend_error {
    set beresp.http.Sluice-Away = "yes";
}

sub vcl_deliver {
    # The gateway is gone, and the probe doesn't know it yet: perhaps there is something
    # that isn't much too old.
    if (resp.http.Sluice-Away) {
        if (req.restarts == 0) {
            return (restart);
        }
        unset resp.http.Sluice-Away;
        set resp.http.Cache-Control = "no-store";
        set resp.http.Access-Control-Allow-Origin = "*";
    }
}

sub vcl_backend_response {
    unset beresp.http.Alt-Svc; # the gateway's HTTP/3, not this one's
    if (beresp.ttl <= 0s || beresp.http.Cache-Control ~ "no-store|no-cache|private") {
        # For a moment nobody waits for another's answer, which would be of no use to him.
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        set beresp.grace = 0s;
        return (deliver);
    }
    # How long, the gateway says, of what isn't there, too. While it is away, what there is
    # goes on being served for a little.
    set beresp.grace = 10s;
    return (deliver);
}
