// Signed playback at an nginx edge, in njs (0.7.9 or later): see sluice.conf.
//
// A viewer's token is EXPIRY.MAC, or EXPIRY.ip.MAC for one address; MAC is the HMAC-SHA256,
// in base64url, of play:STREAM:EXPIRY:ADDRESS under the gateway's signing secret.

import crypto from 'crypto';

function mac(secret, stream, expiry, address) {
    return crypto.createHmac('sha256', secret).update(`play:${stream}:${expiry}:${address}`).digest('base64url');
}

// same takes as long for any two texts of one length.
function same(a, b) {
    let differs = a.length ^ b.length;
    for (let i = 0; i < a.length && i < b.length; i++) differs |= a.charCodeAt(i) ^ b.charCodeAt(i);
    return differs === 0;
}

// split takes the path as it came: what is decoded must not be sent on.
function split(r) {
    const m = r.variables.request_uri.match(/^\/live\/([^\/?]+)\/(?:~|%7E)([^\/?]*)(\/[^?]*)/i);
    return m ? { stream: m[1], token: m[2], rest: m[3] } : { stream: '', token: '', rest: '' };
}

// refusal says why a request is refused; nothing where it isn't.
function refusal(r) {
    const at = split(r), m = at.token.match(/^([1-9][0-9]{0,10})\.(ip\.)?([A-Za-z0-9_-]{43})$/);
    if (!m) return "the token isn't valid for this stream";
    const address = m[2] ? r.remoteAddress.replace(/^::ffff:/, '') : '';
    const secrets = [r.variables.sluice_secret, r.variables.sluice_old_secret];
    if (!secrets.filter((s) => s && same(m[3], mac(s, at.stream, m[1], address))).length) {
        return "the token isn't valid for this stream" + (m[2] ? ' at this address' : '');
    }
    return Date.now() / 1000 < Number(m[1]) ? '' : 'the token has expired';
}

// origin is the same request with a token of the edge's own, which is one for all viewers
// and valid for one day or two.
function origin(r) {
    const at = split(r), day = 86400, expiry = String((Math.ceil(Date.now() / 1000 / day) + 1) * day);
    return `/live/${at.stream}/~${expiry}.${mac(r.variables.sluice_secret, at.stream, expiry, '')}${at.rest}`;
}

// name is what the log and the cache know it by: without a token.
function name(r) {
    return r.variables.request_uri.replace(/\?.*$/, '').replace(/\/(?:~|%7E)[^\/]*/gi, '/~');
}

export default { refusal, origin, name };
