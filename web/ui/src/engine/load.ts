// Engines are large and one page uses one: each is a file of its own, fetched when chosen.

import type { EngineName, Support } from '../core/choose'
import type { Engine, EngineHost } from './engine'

export type EngineFactory = (host: EngineHost) => Engine

const loaded = new Map<EngineName, EngineFactory>()

export async function loadEngine(name: EngineName): Promise<EngineFactory> {
  const known = loaded.get(name)
  if (known) return known
  const factory = await importEngine(name)
  loaded.set(name, factory)
  return factory
}

/** An engine that needs no fetching; null: none. A server that was upgraded has other file names than this page knows. */
export function loadedEngine(): EngineName | null {
  return loaded.keys().next().value ?? null
}

async function importEngine(name: EngineName): Promise<EngineFactory> {
  switch (name) {
    case 'hls': {
      const { HlsEngine } = await import('./hls')
      return (host) => new HlsEngine(host)
    }
    case 'dash': {
      const { DashEngine } = await import('./dash')
      return (host) => new DashEngine(host)
    }
    case 'native': {
      const { NativeEngine } = await import('./native')
      return (host) => new NativeEngine(host)
    }
  }
}

export function detectSupport(): Support {
  const scope = globalThis as { ManagedMediaSource?: typeof MediaSource; MediaSource?: typeof MediaSource }
  const source = scope.ManagedMediaSource ?? scope.MediaSource
  return {
    mse: source?.isTypeSupported('video/mp4; codecs="avc1.42E01E,mp4a.40.2"') ?? false,
    native: document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '',
  }
}
