// A bare page that plays one address with one player, and tells how it went.
//
//   ?player=hls|dash|shaka|native  &src=ADDRESS  [&clock=1]  [&muted=1]
//
// window.result is a fresh Result (recorder.ts) whenever it is read.

import { players } from './players'
import { Recorder, type Result } from './recorder'

declare global {
  interface Window {
    readonly result?: Result
  }
}

const query = new URLSearchParams(location.search)
const name = query.get('player') ?? 'hls'
const src = query.get('src') ?? ''
const video = document.getElementById('video') as HTMLVideoElement
const start = players[name]
const recorder = new Recorder(video, name, src, query.get('clock') === '1')
Object.defineProperty(window, 'result', { get: () => recorder.read(), enumerable: true })
addEventListener('error', (e) => recorder.error(`uncaught: ${e.message}`, true))
addEventListener('unhandledrejection', (e) => recorder.error(`unhandled: ${String(e.reason)}`, true))

video.muted = query.get('muted') === '1'
video.autoplay = true
if (!start || !src) {
  recorder.error('the address needs ?player=hls|dash|shaka|native&src=ADDRESS', true)
} else {
  start(video, src, recorder).then(
    ({ version, latency }) => recorder.started(version, latency),
    (cause: unknown) => recorder.error(`start: ${String(cause)}`, true),
  )
}
