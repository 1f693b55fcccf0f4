// Takes hls.js away from a rung that hangs, before its buffer is empty.
//
// hls.js waits for a rung's next part for as long as the gateway lets it, which is nearly
// what it has in its buffer: then it is told that the rung is behind, as an error. Here
// the best of the others is asked for one part more, which it has if it goes on; and its
// rendition reports tell who else does. By such reports it's known, too, when a rung that was
// left goes on again. Until then hls.js must not fall back to it, which it would do for the
// least of all rungs, whatever it knows of it, where it takes the line for too thin for the others.

import { Events, type Level, type LevelDetails, type LevelLoadedData, type LevelLoadingData } from 'hls.js'
import type Hls from 'hls.js'
import { SAFETY } from './rungs'

/**
 * So much of PART-HOLD-BACK (a fraction) is waited before the others are looked at. A rung that
 * is behind by all of it, as one is that hung before it was joined, isn't waited for.
 */
const PATIENCE = 0.5

/** What of hls.js is used. */
export type Player = Pick<Hls, 'autoLevelEnabled' | 'bandwidthEstimate' | 'config' | 'levels' | 'nextLoadLevel' | 'on'>

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

/** A sibling, as a playlist's rendition reports tell of it. */
interface Sibling {
  url: string
  msn: number
  part: number
  /** how far it was ahead of the playlist when that was made (s); negative where it was behind */
  ahead: number
}

function siblings({ lastPartSn, lastPartIndex, partTarget, renditionReports, targetduration, url }: LevelDetails): Sibling[] {
  return (renditionReports ?? []).map((report) => {
    const msn = Number(report['LAST-MSN'])
    const part = Number(report['LAST-PART'] ?? 0)
    const ahead = (msn - lastPartSn) * targetduration + (part - lastPartIndex) * partTarget
    return { url: new URL(report.URI ?? '', url).href, msn, part, ahead }
  })
}

/** How far a playlist was behind the first of its siblings when it was made (s). */
function behind(details: LevelDetails): number {
  return Math.max(0, ...siblings(details).map(({ ahead }) => ahead).filter(Number.isFinite))
}

class Watch {
  readonly #hls: Player
  #wanted: Wanted | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking: AbortController | undefined
  /** The levels that were left, and for what part in vain. */
  readonly #hanging = new Map<Level, Wanted>()

  constructor(hls: Player) {
    this.#hls = hls
  }

  waits({ level, levelInfo, deliveryDirectives }: LevelLoadingData): void {
    this.over()
    // A level that is just joined has no playlist yet, but is asked for a part all the same.
    const { details } = [levelInfo, ...this.#hls.levels].find(({ details }) => details) ?? {}
    const { msn, part } = deliveryDirectives ?? {}
    if (msn === undefined || part === undefined || !details?.partHoldBack) return
    const wanted = (this.#wanted = { level, msn, part })
    const late = details === levelInfo.details && behind(details) >= details.partHoldBack
    this.#timer = setTimeout(() => void this.#ask(wanted), late ? 0 : 1000 * PATIENCE * details.partHoldBack)
  }

  /** A playlist is there. hls.js asks for the next one before it tells so. */
  has({ level, details }: LevelLoadedData): void {
    this.#forgive(details)
    const { lastPartSn, lastPartIndex } = details
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
      if (playlist !== null && !asking.signal.aborted) this.#leave(wanted, having(wanted, playlist, best.uri))
    } catch {
      // hls.js meets by itself what is wrong
    }
  }

  /** Goes on in the best level of those that have gone on, if there is one. */
  #leave(wanted: Wanted, others: Set<string>): void {
    const { autoLevelEnabled, levels, bandwidthEstimate } = this.#hls
    const goesOn = (level: Level) => others.has(level.uri)
    const waiting = levels[wanted.level]
    if (!waiting || goesOn(waiting)) return // it's the line that is slow
    const alive = levels.filter(goesOn)
    const next = alive.findLast(({ bitrate }) => bitrate <= SAFETY * bandwidthEstimate) ?? alive[0]
    if (!next || !autoLevelEnabled) return
    // Rungs hang together where they have one encoder. They're kept off for
    // errorPenaltyExpireMs, as after an error.
    for (const level of levels.filter((level) => !goesOn(level))) {
      level.loadError++
      level.loadErrorTime = performance.now()
      this.#hanging.set(level, wanted)
    }
    this.#keepOff()
    this.#hls.nextLoadLevel = levels.indexOf(next)
  }

  /** Lets hls.js have levels again that have gone on and come to where this one is. */
  #forgive(details: LevelDetails): void {
    if (this.#hanging.size === 0) return
    for (const { url, msn, part, ahead } of siblings(details)) {
      const level = this.#hls.levels.find(({ uri }) => uri === url)
      const wanted = level && this.#hanging.get(level)
      if (!wanted || ahead <= -details.partHoldBack) continue
      if (msn > wanted.msn || (msn === wanted.msn && part > wanted.part)) {
        level.loadError = 0
        this.#hanging.delete(level)
      }
    }
    this.#keepOff()
  }

  /** Keeps hls.js from falling back to the least of all levels while that hangs. */
  #keepOff(): void {
    const { config, levels } = this.#hls
    const least = levels.findIndex((level) => !this.#hanging.has(level))
    config.minAutoBitrate = least > 0 ? (levels[least]?.bitrate ?? 0) : 0
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
