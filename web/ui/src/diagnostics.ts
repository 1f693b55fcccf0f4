// window.sluice: the page's state, read only, for end-to-end tests and for curious
// people at the browser's console. Part of the outside contract.
//
//   engine       'hls' | 'dash' | 'native' | null (the browser can play neither way)
//   state        a Phase (core/machine.ts): 'offline', 'playing', 'ended' …
//   note         'reconnecting' | 'unreachable' | 'ending' | null
//   latency()    seconds behind the broadcast, or null
//   stats()      a Stats (stats.ts): frames, buffer, rates …
//   errors       the last hundred: { at, engine, kind, detail, fatal }
//   fatalErrors  how often an engine gave up; playing goes on all the same
//   video        the element

import type { Player } from './player'

declare global {
  interface Window {
    readonly sluice?: Diagnostics
  }
}

export type Diagnostics = ReturnType<typeof diagnostics>

export function diagnostics(player: Player) {
  return Object.freeze({
    get engine() {
      return player.engineName.peek()
    },
    get state() {
      return player.phase.peek()
    },
    get note() {
      return player.note.peek()
    },
    get errors() {
      return [...player.errors]
    },
    get fatalErrors() {
      return player.fatalErrors
    },
    video: player.video,
    latency: () => player.latency.peek(),
    stats: () => player.stats(),
  })
}
