// Which rung to take, by what is known of the line: decisions only, for dash-line.ts and hls-line.ts.

/** So much of a line (a fraction) is counted on. */
export const SAFETY = 0.9

/** With less in its buffer (s), a player stands still. */
const RESERVE = 0.1

/** From leaving a segment to the first byte of another rung's (s): its init segment comes first. */
const SWITCH = 0.15

/** What is known of a segment while it comes. Rates in kbit/s, sizes in kbit, times in s. */
export interface Outlook {
  /** of the line */
  rate: number
  /** of the segment that is still to come, by what such segments have */
  left: number
  /** of what exists of the segment in media */
  published: number
  /** until the playhead is at the segment's end */
  ends: number
  /** that is ahead of the playhead */
  buffer: number
}

/** Whether playback reaches the segment's end before the segment does. */
export function isLate(o: Outlook): boolean {
  return o.left / o.rate + RESERVE > o.ends
}

/**
 * The rung to begin the segment anew in.
 *
 * @param bitrates of the rungs below, the best first
 * @returns the index of the best that the line carries and that has caught up before
 *   the buffer is empty; failing that the last; -1 when there is none
 */
export function wayOut(o: Outlook, bitrates: number[]): number {
  const inTime = (bitrate: number) => SWITCH + (o.published * bitrate) / o.rate + RESERVE <= o.buffer
  const index = bitrates.findIndex((b) => b <= SAFETY * o.rate && inTime(b))
  return index >= 0 ? index : bitrates.length - 1
}

/** How long (ms) a rung is not tried again that proved too much; twice as long where it soon does so again. */
const HOLD = 8_000
const LONGEST_HOLD = 64_000
const SOON = 30_000

/** Remembers which rung the line did not carry. Times in milliseconds. */
export class Ceiling {
  #bitrate = Infinity
  #until = -Infinity
  #hold = HOLD

  left(bitrate: number, now: number): void {
    const again = bitrate >= this.#bitrate && now < this.#until + SOON
    this.#hold = again ? Math.min(2 * this.#hold, LONGEST_HOLD) : HOLD
    this.#until = now + this.#hold
    this.#bitrate = bitrate
  }

  allows(bitrate: number, now: number): boolean {
    return bitrate < this.#bitrate || now >= this.#until
  }
}

/**
 * How far up the next segment may be: one rung. A small rung's parts are so short that
 * shapers let them pass at once, and what they tell of a line may be just the burst
 * that it allows.
 *
 * @param rungs the best first
 */
export function above<R extends { bitrateInKbit: number }>(now: R, rungs: R[], allowed: (rung: R) => boolean): R {
  const next = rungs.filter((r) => r.bitrateInKbit > now.bitrateInKbit).pop()
  return next && allowed(next) ? next : now
}
