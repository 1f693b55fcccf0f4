// How dash.js is set up and understood: by the player page, and by the test page
// that measures it.

import type { MediaPlayerSettingClass } from 'dashjs'
import type { EngineError } from './engine'

/**
 * dash.js with its defaults, but for gaps: a reconnecting broadcaster leaves one
 * between two Periods, and these values cross it in 2 s instead of 6.
 */
export const settings: MediaPlayerSettingClass = {
  streaming: {
    gaps: { jumpGaps: true, jumpLargeGaps: true, smallGapLimit: 4, threshold: 0.1 },
    buffer: { stallThreshold: 0.1 },
  },
}

/**
 * Codes (dashjs core/errors) after which dash.js does not go on by itself. Failed
 * segments are not among them: it retries those, and Player notices a standstill.
 */
export const fatalCodes: ReadonlyMap<number, EngineError['kind']> = new Map([
  [10, 'network'], // manifest can't be parsed
  [11, 'network'], // manifest can't be loaded
  [25, 'network'], // the same, after its retries
  [31, 'other'], // manifest makes no sense
  [32, 'other'], // no streams in it
  [34, 'other'], // multiplexed
  [20, 'media'], // append failed
  [23, 'other'], // no Media Source Extensions
  [24, 'other'], // no decryption
  [35, 'media'], // codec not supported
])
