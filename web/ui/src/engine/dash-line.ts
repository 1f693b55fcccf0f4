// Keeps dash.js with a line that becomes thinner, and with one that becomes wider.
//
// Of a segment that is sent while it is made, dash.js knows neither length nor pace
// before its end, so its AbandonRequestsRule never acts, and a segment that comes four
// times too slowly is waited for. Here its bytes are timed as they come (Meter): by
// that it is left for a rung that is there in time, and dash.js's own estimate of the
// line is set right.

import type { AbrController, MediaInfo, MediaPlayerClass, Representation, StreamInfo } from 'dashjs'
import { Meter } from './dash-meter'
import { eachTransfer, type Reader, type Transfer } from './dash-transfer'
import { above, Ceiling, isLate, wayOut } from './rungs'

/** dash.js's SwitchRequest.PRIORITY.DEFAULT: that of its own rules. */
const PRIORITY = 0.5

/** What is read of a FragmentRequest. */
interface Request {
  mediaType: string
  /** s; its duration is what the manifest listed of it when it was asked for */
  startTime: number
  duration: number
  /** the same start as the manifest has it, s */
  mediaStartTime: number
  representation: Representation
}

/** What is read of a manifest: runs of r + 1 segments of d ticks, each run at t or where the one before it ends. */
interface Manifest {
  Period: { AdaptationSet: { Representation: { SegmentTemplate: Template }[] }[] }[]
}

interface Template {
  timescale: number
  SegmentTimeline: { S: { t?: number; d: number; r?: number }[] }
}

/** What is read of a RulesContext. */
interface Context {
  getAbrController(): AbrController
  getMediaInfo(): MediaInfo
  getRepresentation(): Representation
  getStreamInfo(): StreamInfo
  getMediaType(): string
  getThroughputController(): { getSafeAverageThroughput(type: string): number }
  getCurrentRequest(): Request
}

/** A response that is coming. */
interface Arrival {
  meter: Meter
  begun: number
  /** Its rung was left. */
  left: boolean
}

const seconds = (since: number) => (performance.now() - since) / 1000

/** Seconds that the element can play without more. */
function bufferOf({ buffered, currentTime }: HTMLVideoElement): number {
  for (let n = 0; n < buffered.length; n++) {
    if (buffered.start(n) <= currentTime && currentTime <= buffered.end(n)) return buffered.end(n) - currentTime
  }
  return 0
}

/** What can be chosen from, the best first. */
function rungs(context: Context): Representation[] {
  const all = context.getAbrController().getPossibleVoRepresentationsFilteredBySettings(context.getMediaInfo(), true) ?? []
  return [...all].sort((a, b) => b.bitrateInKbit - a.bitrateInKbit)
}

/**
 * Whether the manifest lists media of a representation at a time (s, as the manifest has it).
 * What hangs on its way to the gateway is listed late, or never.
 */
function lists({ adaptation, index }: Representation, time: number): boolean {
  if (!adaptation?.period) return false
  const { Period } = adaptation.period.mpd.manifest as Manifest
  const template = Period[adaptation.period.index]?.AdaptationSet[adaptation.index]?.Representation[index]?.SegmentTemplate
  if (!template) return false
  const at = Math.round(time * template.timescale)
  let end = 0
  return template.SegmentTimeline.S.some(({ t = end, d, r = 0 }) => {
    end = t + d * (r + 1)
    return t <= at && at < end
  })
}

class Line {
  readonly #video: HTMLVideoElement
  readonly #arrivals = new WeakMap<Request, Arrival>()
  /** The size (kbit) of the last whole segment, by representation. */
  readonly #sizes = new Map<string, number>()

  constructor(video: HTMLVideoElement) {
    this.#video = video
  }

  /** Reads along once the response is there. */
  watch(transfer: Transfer<Request>): void {
    let reader: Reader | undefined
    Object.defineProperty(transfer, 'reader', {
      get: () => reader,
      set: (value: Reader) => {
        reader = value
        this.#readAlong(transfer, value)
      },
    })
  }

  #readAlong(transfer: Transfer<Request>, reader: Reader): void {
    const arrival: Arrival = { meter: new Meter(), begun: performance.now(), left: false }
    this.#arrivals.set(transfer.request, arrival)
    const read = reader.read.bind(reader)
    reader.read = async () => {
      const result = await read()
      if (result.done) {
        this.#finish(transfer, arrival.meter)
      } else {
        arrival.meter.read(result.value, performance.now())
        // Rules are asked at progress, which dash.js itself sees at the end of parts only.
        if (arrival.meter.rate() !== null) transfer.onprogress?.({ lengthComputable: false, noTrace: true })
      }
      return result
    }
  }

  /** Corrects the report that dash.js makes next: of the whole segment. */
  #finish(transfer: Transfer<Request>, meter: Meter): void {
    this.#sizes.set(transfer.request.representation.id, (8 * meter.received) / 1000)
    const report = transfer.onprogress
    if (report) transfer.onprogress = (e) => report({ ...e, time: meter.duration() })
  }

  /** The representation to leave a segment for; null: none. */
  instead(context: Context): Representation | null {
    const request = context.getCurrentRequest()
    const arrival = this.#arrivals.get(request)
    const rate = arrival?.meter.rate()
    if (!arrival || !rate || arrival.left || request.mediaType !== 'video') return null

    const { representation, startTime, mediaStartTime } = request
    const whole = context.getStreamInfo().manifestInfo.maxFragmentDuration
    const size = this.#sizes.get(representation.id) ?? whole * representation.bitrateInKbit
    const outlook = {
      rate,
      left: Math.max(0, size - (8 * arrival.meter.received) / 1000),
      published: Math.min(whole, request.duration + seconds(arrival.begun)),
      ends: startTime + whole - this.#video.currentTime,
      buffer: bufferOf(this.#video),
    }
    if (!isLate(outlook)) return null
    const lower = rungs(context).filter((r) => r.bitrateInKbit < representation.bitrateInKbit && lists(r, mediaStartTime))
    const found = lower[wayOut(outlook, lower.map((r) => r.bitrateInKbit))] ?? null
    arrival.left = found !== null
    return found
  }
}

/** Limits the rung of the next segment; null: no limit. */
class Limit {
  readonly #ceiling = new Ceiling()
  /** The rung it was when dash.js asked last, in kbit/s. */
  #was = 0

  of(context: Context): Representation | null {
    if (context.getMediaType() !== 'video') return null
    const now = context.getRepresentation()
    if (now.bitrateInKbit < this.#was) this.#ceiling.left(this.#was, performance.now())
    this.#was = now.bitrateInKbit
    // Where dash.js's own rules ask for nothing, the limit is what it takes.
    const line = context.getThroughputController().getSafeAverageThroughput('video')
    const allowed = ({ bitrateInKbit: rate }: Representation) => rate <= line && this.#ceiling.allows(rate, performance.now())
    return line > 0 ? above(now, rungs(context), allowed) : null
  }
}

/** To be called before the player is initialized. */
export function followLine(player: MediaPlayerClass, video: HTMLVideoElement): void {
  const line = new Line(video)
  const limit = new Limit()
  eachTransfer<Request>(player, (transfer) => line.watch(transfer))
  const add = (type: string, name: string, method: string, choose: (context: Context) => Representation | null) => {
    const rule = {
      getClassName: () => name,
      [method]: (context: Context) => ({ representation: choose(context), priority: PRIORITY, reason: { rule: name }, rule: name }),
    }
    player.addABRCustomRule(type, name, () => ({ create: () => rule }))
  }
  add('abandonFragmentRules', 'LeaveSlowSegment', 'shouldAbandon', (context) => line.instead(context))
  // Of what its rules ask for, dash.js takes the lowest.
  add('qualitySwitchRules', 'OneRungUp', 'getSwitchRequest', (context) => limit.of(context))
}
