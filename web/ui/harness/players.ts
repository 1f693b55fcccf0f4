// The players under test: hls.js and dash.js as the product's page sets them up, Shaka
// with its defaults (5.x: low latency on), and the browser itself.

import type { MediaPlayerClass, MediaPlayerEvents } from 'dashjs'
import { Events } from 'hls.js'
import type Hls from 'hls.js'
import { fatalCodes } from '../src/engine/dash-settings'
import { setUp as setUpDash } from '../src/engine/dash-setup'
import { config, setUp as setUpHls } from '../src/engine/hls-setup'
import type { Recorder } from './recorder'

/** Starts playing; answers the player's own idea of its latency, in seconds. */
export type Start = (video: HTMLVideoElement, src: string, recorder: Recorder) => Promise<Started>

export interface Started {
  version: string
  latency: () => number | null
}

const now = () => Date.now() / 1000

/** The scheme of timed metadata, which is the name of dash.js's event too. */
const ID3 = 'https://aomedia.org/emsg/ID3'

/** The scheme of splices, likewise. */
const SCTE35 = 'urn:scte:scte35:2014:xml+bin'

/** A frame of an ID3 tag, as hls.js and dash.js read it. */
interface Frame {
  key: string
  info?: string
  data: unknown
}

/** Tells of the cues that hls.js makes of timed metadata, each as its time comes. */
function followCues(video: HTMLVideoElement, recorder: Recorder): void {
  const told = new Set<TextTrackCue>()
  video.textTracks.addEventListener('addtrack', ({ track }) => {
    if (track?.kind !== 'metadata') return
    track.addEventListener('cuechange', () => {
      for (const cue of track.activeCues ?? []) {
        if (told.has(cue)) continue
        told.add(cue)
        const { info, data } = (cue as TextTrackCue & { value: Frame }).value
        // hls.js also makes a cue of each attribute of a date range.
        if (info !== undefined) recorder.event(cue.startTime, info, String(data))
      }
    })
  })
}

/** The part of an address that says which segment of what it is. */
const short = (url = '') => url.split('/').slice(-3).join('/')

/** What is read of dash.js's events, whichever it is. */
interface Happening {
  type: string
  mediaType?: string
  request?: { url?: string; startTime: number; duration: number }
  newRepresentation?: { id: string }
  state?: string
  seekTime?: number
  error?: unknown
}

/** Notes what dash.js loads, leaves, switches and seeks to. */
function followDash(player: MediaPlayerClass, events: MediaPlayerEvents, recorder: Recorder): void {
  const { FRAGMENT_LOADING_STARTED, FRAGMENT_LOADING_COMPLETED, FRAGMENT_LOADING_ABANDONED, QUALITY_CHANGE_REQUESTED } = events
  const { PERIOD_SWITCH_STARTED, PERIOD_SWITCH_COMPLETED, PLAYBACK_SEEKING, PLAYBACK_SEEKED, BUFFER_LEVEL_STATE_CHANGED } = events
  for (const name of [
    FRAGMENT_LOADING_STARTED,
    FRAGMENT_LOADING_COMPLETED,
    FRAGMENT_LOADING_ABANDONED,
    QUALITY_CHANGE_REQUESTED,
    PERIOD_SWITCH_STARTED,
    PERIOD_SWITCH_COMPLETED,
    PLAYBACK_SEEKING,
    PLAYBACK_SEEKED,
    BUFFER_LEVEL_STATE_CHANGED,
  ]) {
    player.on(name, (e: unknown) => {
      const { type, mediaType = '', request, newRepresentation, state, seekTime, error } = e as Happening
      const asked = request ? `${short(request.url)} ${request.startTime.toFixed(3)}+${request.duration.toFixed(3)}` : ''
      recorder.note([type, mediaType, asked, newRepresentation?.id, state, seekTime, error ? 'in vain' : ''].filter(Boolean).join(' '))
    })
  }
}

/** Notes what hls.js loads and which level it takes. */
function followHls(hls: Hls, recorder: Recorder): void {
  hls.on(Events.LEVEL_LOADING, (_, { level, deliveryDirectives: d }) => recorder.note(`playlist ${level} asked ${d?.msn ?? ''}.${d?.part ?? ''}`))
  hls.on(Events.LEVEL_LOADED, (_, { level, details }) => recorder.note(`playlist ${level} has ${details.lastPartSn}.${details.lastPartIndex}`))
  hls.on(Events.LEVEL_SWITCHING, (_, { level }) => recorder.note(`level ${level}`))
  hls.on(Events.FRAG_LOADING, (_, { frag, part }) => recorder.note(`${frag.type} ${frag.level} ${frag.sn}.${part?.index ?? ''}`))
}

async function startHls(video: HTMLVideoElement, src: string, recorder: Recorder): Promise<Started> {
  const { default: Hls } = await import('hls.js')
  const hls = new Hls(config)
  hls.on(Hls.Events.ERROR, (_, e) => recorder.error(`${e.type} ${e.details} ${e.error?.message ?? ''}`, e.fatal))
  setUpHls(hls, src)
  followHls(hls, recorder)
  followCues(video, recorder)
  const ranges = new Map<string, string>()
  hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
    for (const range of Object.values(details.dateRanges)) {
      if (!range) continue
      const value = JSON.stringify({ ...range.attr })
      if (ranges.get(range.id) === value || !range.isValid) continue
      ranges.set(range.id, value)
      recorder.event(range.startTime, 'daterange', value)
    }
  })
  hls.attachMedia(video)
  hls.loadSource(src)
  return {
    version: Hls.version,
    latency: () => (hls.playingDate ? now() - hls.playingDate.getTime() / 1000 : null),
  }
}

async function startDash(video: HTMLVideoElement, src: string, recorder: Recorder): Promise<Started> {
  const { MediaPlayer } = await import('dashjs')
  const player = MediaPlayer().create()
  setUpDash(player, video, src)
  player.on(MediaPlayer.events.ERROR, (e: unknown) => {
    const { error } = e as { error?: { code?: number; message?: string } | string }
    if (typeof error === 'object') recorder.error(`${error.code} ${error.message}`, fatalCodes.has(error.code ?? 0))
    else recorder.error(String(error), false)
  })
  followDash(player, MediaPlayer.events, recorder)
  player.on(ID3, (e: unknown) => {
    const { event } = e as { event: { calculatedPresentationTime: number; parsedMessageData: Frame[] } }
    for (const { info, data } of event.parsedMessageData) {
      recorder.event(event.calculatedPresentationTime, info ?? '', String(data))
    }
  })
  player.on(SCTE35, (e: unknown) => {
    const { event } = e as { event: { calculatedPresentationTime: number; duration?: number; messageData: Uint8Array } }
    recorder.event(event.calculatedPresentationTime, `splice ${event.duration}`, btoa(String.fromCharCode(...event.messageData)))
  })
  player.initialize(video, src, true)
  return {
    version: player.getVersion(),
    latency: () => (player.isReady() && player.isDynamic() ? player.getCurrentLiveLatency() : null),
  }
}

/** shaka.util.Error.Severity.CRITICAL */
const CRITICAL = 2

async function startShaka(video: HTMLVideoElement, src: string, recorder: Recorder): Promise<Started> {
  const { default: shaka } = await import('shaka-player')
  shaka.polyfill.installAll()
  const player = new shaka.Player()
  await player.attach(video)
  player.addEventListener('error', (e) => {
    const { detail } = e as unknown as { detail: { category: number; code: number; severity: number; data: unknown[] } }
    recorder.error(`${detail.category} ${detail.code} ${JSON.stringify(detail.data)}`, detail.severity === CRITICAL)
  })
  await player.load(src)
  return {
    version: shaka.Player.version,
    latency: () => {
      const date = player.getPlayheadTimeAsDate()
      return date ? now() - date.getTime() / 1000 : null
    },
  }
}

async function startNative(video: HTMLVideoElement, src: string, recorder: Recorder): Promise<Started> {
  video.crossOrigin = 'anonymous'
  video.addEventListener('error', () => recorder.error(`${video.error?.code} ${video.error?.message}`, true))
  video.src = src
  return { version: navigator.userAgent, latency: () => null }
}

export const players: Record<string, Start> = {
  hls: startHls,
  dash: startDash,
  shaka: startShaka,
  native: startNative,
}
