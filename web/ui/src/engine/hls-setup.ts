// How hls.js is set up: by the player page, and by the test page, which measures it so. In
// low-latency mode and otherwise with what is measured to suit it: it starts soonest, never
// stalls on what the gateway serves, and sees a line that has become thinner within a few parts.

import type Hls from 'hls.js'
import type { HlsConfig } from 'hls.js'
import { hlsCmcd } from './cmcd'
import { leaveHanging } from './hls-hang'
import { followLine } from './hls-line'

/** The half-lives of the line's estimated rate (s): parts are short. */
const FAST = 1
const SLOW = 3

/**
 * After how long a level that failed is tried again (ms). A rung that its encoder can't keep up
 * with is gone for a while: hls.js leaves it at once, and by default never comes back.
 */
const PENALTY = 15_000

/** What a player is made with; what it tells of itself (cmcd) is set by setUp. */
export const config: Partial<HlsConfig> = {
  lowLatencyMode: true, errorPenaltyExpireMs: PENALTY, abrEwmaFastLive: FAST, abrEwmaSlowLive: SLOW, cmcd: {},
}

/** Sets up a player for an address that it hasn't loaded yet. */
export function setUp(hls: Hls, src: string): void {
  hls.config.cmcd = hlsCmcd(src, location.href)
  followLine(hls)
  leaveHanging(hls)
}
