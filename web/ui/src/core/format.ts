// Numbers as people read them.

import type { Rendition } from './status'

export function seconds(s: number): string {
  if (s < 10) return `${s.toFixed(1)} s`
  if (s < 100) return `${Math.round(s)} s`
  return clockTime(s)
}

/** 75 → "1:15", 3675 → "1:01:15". */
export function clockTime(s: number): string {
  const whole = Math.max(0, Math.floor(s))
  const h = Math.floor(whole / 3600)
  const m = Math.floor(whole / 60) % 60
  const rest = String(whole % 60).padStart(2, '0')
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${rest}` : `${m}:${rest}`
}

export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(bitsPerSecond >= 9.95e6 ? 0 : 1)} Mb/s`
  return `${Math.round(bitsPerSecond / 1000)} kb/s`
}

/** "1080p", "1080p60"; a rate is named only where it is more than the usual 30. */
export function pictureSize(r: Pick<Rendition, 'width' | 'height' | 'fps'>): string {
  // A portrait picture is named by its shorter side too, as people know it.
  const lines = r.width > 0 ? Math.min(r.width, r.height) : r.height
  return `${lines}p${r.fps > 31 ? Math.round(r.fps) : ''}`
}

/** 29.97 stays, 30.0001 is 30. */
export function frameRate(fps: number): string {
  const rounded = Math.round(fps * 100) / 100
  return Number.isInteger(Math.round(fps * 1000) / 1000) ? String(Math.round(fps)) : String(rounded)
}
