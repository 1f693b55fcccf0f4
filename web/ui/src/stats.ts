// What can be measured of playback, as one reading.

import type { Phase } from './core/machine'
import type { Engine, Level } from './engine/engine'
import type { Player } from './player'

export interface Stats {
  phase: Phase
  engine: string
  /** Pixels of the decoded picture; 0 without one. */
  width: number
  height: number
  /** Of the level that plays, as its manifest says. */
  level: Level | null
  decodedFrames: number
  droppedFrames: number
  /** Bytes of sound decoded; null where the browser does not tell. */
  audioBytes: number | null
  /** Seconds ahead of the playhead. */
  buffer: number
  /** Seconds. */
  latency: number | null
  target: number | null
  /** Bits a second. */
  throughput: number | null
  playbackRate: number
  currentTime: number
  stalls: number
  errors: number
}

export function readStats(player: Player, engine: Engine | null): Stats {
  const { video } = player
  const frames = video.getVideoPlaybackQuality?.()
  const audioBytes = (video as { webkitAudioDecodedByteCount?: number }).webkitAudioDecodedByteCount
  return {
    phase: player.phase.peek(),
    engine: player.engineLabel.peek(),
    width: video.videoWidth,
    height: video.videoHeight,
    level: player.levels.peek().find((l) => l.id === player.level.peek()) ?? null,
    decodedFrames: frames?.totalVideoFrames ?? 0,
    droppedFrames: frames?.droppedVideoFrames ?? 0,
    audioBytes: audioBytes ?? null,
    buffer: bufferAhead(video),
    latency: player.latency.peek(),
    target: engine?.target() ?? null,
    throughput: engine?.throughput() ?? null,
    playbackRate: video.playbackRate,
    currentTime: video.currentTime,
    stalls: player.stalls,
    errors: player.errors.length,
  }
}

function bufferAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video
  for (let n = 0; n < buffered.length; n++) {
    if (buffered.start(n) <= currentTime && currentTime <= buffered.end(n)) return buffered.end(n) - currentTime
  }
  return 0
}
