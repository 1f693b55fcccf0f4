// Takes hls.js away from a rung that hangs, before its buffer is empty.
//
// hls.js waits for a rung's next part for as long as the gateway lets it, which is nearly
// what it has in its buffer: then it is told that the rung is behind, as an error. Here
// the best of the others is asked for one part more, which it has if it goes on; and its
// rendition reports tell who else does.

import { Events, type Level, type LevelLoadedData, type LevelLoadingData } from 'hls.js'
import type Hls from 'hls.js'
import { SAFETY } from './rungs'

/** So much of PART-HOLD-BACK (a fraction) is waited before the others are looked at. */
const PATIENCE = 0.5

/** What of hls.js is used. */
export type Player = Pick<Hls, 'autoLevelEnabled' | 'bandwidthEstimate' | 'levels' | 'nextLoadLevel' | 'on'>

const REPORT = /^#EXT-X-RENDITION-REPORT:.*$/gm
const URI = /URI="([^"]+)"/
const LAST_MSN = /LAST-MSN=(\d+)/
const LAST_PART = /LAST-PART=(\d+)/

/** What is waited for. */
interface Wanted {
  level: number
  msn: number
  part: number
}

/**
 * The addresses of those renditions that have a part.
 *
 * @param playlist one's text, whose reports are read
 * @param url its address
 */
function having({ msn, part }: Wanted, playlist: string, url: string): Set<string> {
  const found = new Set([url])
  for (const [report] of playlist.matchAll(REPORT)) {
    const uri = URI.exec(report)?.[1]
    const lastMsn = Number(LAST_MSN.exec(report)?.[1])
    const lastPart = Number(LAST_PART.exec(report)?.[1] ?? Infinity)
    if (uri && (lastMsn > msn || (lastMsn === msn && lastPart >= part))) found.add(new URL(uri, url).href)
  }
  return found
}

class Watch {
  readonly #hls: Player
  #wanted: Wanted | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking: AbortController | undefined

  constructor(hls: Player) {
    this.#hls = hls
  }

  waits({ level, levelInfo, deliveryDirectives }: LevelLoadingData): void {
    this.over()
    const { partHoldBack = 0 } = levelInfo.details ?? {}
    const { msn, part } = deliveryDirectives ?? {}
    if (msn === undefined || part === undefined || partHoldBack === 0) return
    const wanted = (this.#wanted = { level, msn, part })
    this.#timer = setTimeout(() => void this.#ask(wanted), 1000 * PATIENCE * partHoldBack)
  }

  /** A playlist is there. hls.js asks for the next one before it tells so. */
  has({ level, details: { lastPartSn, lastPartIndex } }: LevelLoadedData): void {
    const wanted = this.#wanted
    if (!wanted || level !== wanted.level) return
    if (lastPartSn > wanted.msn || (lastPartSn === wanted.msn && lastPartIndex >= wanted.part)) this.over()
  }

  over(): void {
    this.#wanted = null
    clearTimeout(this.#timer)
    this.#asking?.abort()
  }

  async #ask(wanted: Wanted): Promise<void> {
    const best = this.#hls.levels.findLast((_, n) => n !== wanted.level)
    if (!best) return
    const asking = (this.#asking = new AbortController())
    const url = new URL(best.uri)
    url.searchParams.set('_HLS_msn', String(wanted.msn))
    url.searchParams.set('_HLS_part', String(wanted.part + 1))
    try {
      const response = await fetch(url, { signal: asking.signal })
      const playlist = response.ok ? await response.text() : null
      if (playlist !== null && !asking.signal.aborted) this.#leave(wanted.level, having(wanted, playlist, best.uri))
    } catch {
      // hls.js meets by itself what is wrong
    }
  }

  /** Goes on in the best level of those that have gone on, if there is one. */
  #leave(waiting: number, others: Set<string>): void {
    const { autoLevelEnabled, levels, bandwidthEstimate } = this.#hls
    const goesOn = (level: Level) => level !== levels[waiting] && others.has(level.uri)
    const alive = levels.filter(goesOn)
    const next = alive.findLast(({ bitrate }) => bitrate <= SAFETY * bandwidthEstimate) ?? alive[0]
    if (!next || !autoLevelEnabled) return
    // Rungs hang together where they have one encoder. They're kept off for
    // errorPenaltyExpireMs, as after an error.
    for (const level of levels.filter((level) => !goesOn(level))) {
      level.loadError++
      level.loadErrorTime = performance.now()
    }
    this.#hls.nextLoadLevel = levels.indexOf(next)
  }
}

/** Lets hls.js leave a rung that hangs. To be called before loadSource. */
export function leaveHanging(hls: Player): void {
  const watch = new Watch(hls)
  hls.on(Events.LEVEL_LOADING, (_, data) => watch.waits(data))
  hls.on(Events.LEVEL_LOADED, (_, data) => watch.has(data))
  for (const event of [Events.ERROR, Events.MEDIA_DETACHING, Events.DESTROYING] as const) {
    hls.on(event, () => watch.over())
  }
}
