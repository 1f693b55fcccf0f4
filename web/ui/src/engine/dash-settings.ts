// How dash.js is set up and understood: by the player page, and by the test page
// that measures it.

import type { MediaPlayerSettingClass } from 'dashjs'
import type { EngineError } from './engine'

/**
 * dash.js with its defaults, but for
 * - gaps: a reconnecting broadcaster leaves one between two Periods, and these values
 *   cross it in 2 s instead of 6;
 * - the estimate of the line, which follows within a segment: it counts seconds of
 *   transfer, and there is only a tenth of one in a small rung's segment;
 * - the buffer below which it stands still until there is more: of the second or so
 *   that it has, the default holds back a third.
 */
export const settings: MediaPlayerSettingClass = {
  streaming: {
    gaps: { jumpGaps: true, jumpLargeGaps: true, smallGapLimit: 4, threshold: 0.1 },
    buffer: { stallThreshold: 0.1, lowLatencyStallThreshold: 0.1 },
    abr: {
      throughput: {
        sampleSettings: {},
        ewma: { throughputFastHalfLifeSeconds: 0.5, throughputSlowHalfLifeSeconds: 1 },
      },
    },
    // After a segment was left, for so long (ms) dash.js would try nothing better; what was left
    // isn't tried for longer (Ceiling). It counts with a timer, which throws where the Period is
    // over by then.
    abandonLoadTimeout: 0,
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
