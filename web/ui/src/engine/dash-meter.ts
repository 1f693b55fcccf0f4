// How fast the line is, from the bytes of a segment that is sent while it is made.
//
// dash.js measures such a segment when it is whole, and counts waiting for the
// encoder as transfer where parts come at once: then nothing seems to fit that takes
// more than twice what plays.

/** The line's rate is that of its latest transfer (ms). */
const WINDOW = 200

/** What came at once took this long (ms): clocks see no less. */
const AT_ONCE = 1

/** So much of the bytes (a fraction) must have been timed, or most parts came at once. */
const TIMED = 0.25

/** Of a box: size and type; a size of 64 bits after them, where the first is 1. */
const HEADER = 8
const LARGE_HEADER = 16
const LARGE = 1

const MDAT = 0x6d646174

/** Follows the top-level boxes of a segment, however they are cut into reads. */
class Boxes {
  readonly #header = new DataView(new ArrayBuffer(LARGE_HEADER))
  #filled = 0
  #left = 0
  #type = 0

  /** All that came is whole fragments, so the next byte may not exist yet. */
  get whole(): boolean {
    return this.#filled === 0 && this.#left === 0 && this.#type === MDAT
  }

  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#left > 0) {
        const n = Math.min(this.#left, bytes.length - at)
        this.#left -= n
        at += n
      } else {
        this.#header.setUint8(this.#filled++, bytes[at++] ?? 0)
        this.#begin()
      }
    }
  }

  /** Begins a box once its header is there. */
  #begin(): void {
    if (this.#filled < HEADER) return
    const size = this.#header.getUint32(0)
    if (size === LARGE && this.#filled < LARGE_HEADER) return
    const bytes = size === LARGE ? Number(this.#header.getBigUint64(HEADER)) : size
    this.#type = this.#header.getUint32(4)
    this.#left = Math.max(0, bytes - this.#filled)
    this.#filled = 0
  }
}

/** Times one response. Rates are in kbit/s. */
export class Meter {
  readonly #boxes = new Boxes()
  /** Of the last reads that were timed: no more than fill the window. */
  readonly #latest: { bytes: number; ms: number }[] = []
  #latestMs = 0
  #parts = 1
  #timedBytes = 0
  #timedMs = 0
  #last: number | null = null
  #received = 0

  /** Bytes so far. */
  get received(): number {
    return this.#received
  }

  /** @param now in milliseconds, of a clock that doesn't jump */
  read(bytes: Uint8Array, now: number): void {
    // Bytes that begin a part end a wait that nobody knows the length of.
    if (this.#boxes.whole) this.#parts++
    else if (this.#last !== null) this.#time(bytes.length, now - this.#last)
    this.#last = now
    this.#received += bytes.length
    this.#boxes.feed(bytes)
  }

  /** What the line gave of late; null: it was not busy for long enough to tell. */
  rate(): number | null {
    return this.#latestMs < WINDOW ? null : (8 * this.#latest.reduce((sum, r) => sum + r.bytes, 0)) / this.#latestMs
  }

  /** How long all that came takes at the line's rate, or at that of late if it's lower (ms). */
  duration(): number {
    const mean =
      this.#timedBytes >= TIMED * this.#received
        ? this.#timedBytes / Math.max(this.#timedMs, AT_ONCE)
        : this.#received / (this.#timedMs + AT_ONCE * this.#parts)
    const late = this.rate()
    return this.#received / (late === null ? mean : Math.min(mean, late / 8))
  }

  #time(bytes: number, ms: number): void {
    this.#timedBytes += bytes
    this.#timedMs += ms
    this.#latest.push({ bytes, ms })
    this.#latestMs += ms
    for (let first = this.#latest[0]; first && this.#latestMs - first.ms >= WINDOW; first = this.#latest[0]) {
      this.#latestMs -= first.ms
      this.#latest.shift()
    }
  }
}
