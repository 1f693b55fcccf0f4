// What the page's players tell the gateway of themselves: Common Media Client Data
// (CTA-5004, version 1), by which the operator sees what viewers see.

import type { MediaPlayerSettingClass } from 'dashjs'
import type { CMCDControllerConfig } from 'hls.js'

/** What is told; not what comes next (nor, nrr), which nobody on the way fetches ahead. */
const KEYS = ['bl', 'br', 'bs', 'd', 'dl', 'mtp', 'ot', 'pr', 'rtp', 'sf', 'sid', 'st', 'su', 'tb'] as const

/** One for the page: another engine, or a fresh one, is still the same viewer. */
const session = id(crypto.getRandomValues(new Uint8Array(16)))

/** A random UUID. crypto.randomUUID is there over HTTPS alone. */
export function id(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (b, n) => (n === 6 ? (b & 15) | 64 : n === 8 ? (b & 63) | 128 : b).toString(16).padStart(2, '0'))
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)].map((part) => part.join('')).join('-')
}

/**
 * Whether it goes by headers: to the page's own origin. The URL stays what it is then, so a cache
 * in front keeps one copy of each object without being told. To another origin a header of ours
 * costs a CORS preflight for each URL, and each part has one of its own; there it goes by the query.
 */
export function byHeaders(url: string, page: string): boolean {
  return new URL(url, page).origin === new URL(page).origin
}

/** The setting `cmcd` of hls.js, which reads it when it loads a source. */
export function hlsCmcd(url: string, page: string): CMCDControllerConfig {
  return { sessionId: session, useHeaders: byHeaders(url, page), includeKeys: [...KEYS] }
}

type DashCmcd = NonNullable<NonNullable<MediaPlayerSettingClass['streaming']>['cmcd']>

/** The setting `streaming.cmcd` of dash.js. */
export function dashCmcd(url: string, page: string): DashCmcd {
  // Its types say 'header', which it takes for the query; it knows 'headers'.
  const mode = (byHeaders(url, page) ? 'headers' : 'query') as NonNullable<DashCmcd['mode']>
  return { enabled: true, version: 1, sid: session, mode, enabledKeys: [...KEYS], applyParametersFromMpd: false }
}
