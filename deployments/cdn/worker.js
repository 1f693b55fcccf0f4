// Signed playback at a CDN that runs workers (Cloudflare's form: fetch(request, env)). It
// checks a viewer's token, and asks the gateway with one of its own, so that the CDN holds
// one copy of everything for all viewers of a day.
//
// Of env: ORIGIN, as in https://live.example.org; SECRET and, while it is changed for
// another, OLD_SECRET: those of the gateway's configuration, signing.

const text = new TextEncoder();

const key = (secret) => crypto.subtle.importKey('raw', text.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);

const message = (stream, expiry, address) => text.encode(`play:${stream}:${expiry}:${address}`);

const encode = (mac) => btoa(String.fromCharCode(...new Uint8Array(mac))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

const decode = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));

// refusal says why a request is refused; nothing where it isn't.
async function refusal(env, stream, token, viewer) {
  const m = token.match(/^([1-9][0-9]{0,10})\.(ip\.)?([A-Za-z0-9_-]{43})$/);
  const wrong = "the token isn't valid for this stream" + (m && m[2] ? ' at this address' : '');
  if (!m || encode(decode(m[3])) !== m[3]) return wrong; // another spelling of the same MAC
  const signed = message(stream, m[1], m[2] ? viewer.replace(/^::ffff:/, '') : '');
  let valid = false;
  for (const secret of [env.SECRET, env.OLD_SECRET]) {
    // verify compares in constant time.
    if (secret && (await crypto.subtle.verify('HMAC', await key(secret), decode(m[3]), signed))) valid = true;
  }
  if (!valid) return wrong;
  return Date.now() / 1000 < Number(m[1]) ? '' : 'the token has expired';
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const at = url.pathname.match(/^\/live\/([^/]+)\/(?:~|%7E)([^/]*)(\/.*)$/i);
    if (!at) return fetch(new Request(env.ORIGIN + url.pathname + url.search, request));
    const [, stream, token, rest] = at;
    const why = await refusal(env, stream, token, request.headers.get('CF-Connecting-IP') ?? '');
    if (why) {
      return new Response(`forbidden: ${why}\n`, { status: 403, headers: { 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': '*' } });
    }
    const day = 86400;
    const expiry = String((Math.ceil(Date.now() / 1000 / day) + 1) * day);
    const own = `${expiry}.${encode(await crypto.subtle.sign('HMAC', await key(env.SECRET), message(stream, expiry, '')))}`;
    // Caching is by the gateway's Cache-Control, playlists included.
    return fetch(new Request(`${env.ORIGIN}/live/${stream}/~${own}${rest}${url.search}`, request), { cf: { cacheEverything: true } });
  },
};
