// Which engine plays: what the page's address asks for, else what this browser
// chose before, else HLS; always one that the browser can run.

export type EngineName = 'hls' | 'dash' | 'native'

/** What the browser can do. */
export interface Support {
  /** Media Source Extensions with H.264: both engines need it. */
  mse: boolean
  /** A video element that plays HLS playlists by itself. */
  native: boolean
}

export function isEngineName(name: unknown): name is EngineName {
  return name === 'hls' || name === 'dash' || name === 'native'
}

/** The engines this browser can run, best first. Native is offered only where there is nothing else. */
export function availableEngines(support: Support): EngineName[] {
  if (support.mse) return ['hls', 'dash']
  return support.native ? ['native'] : []
}

/**
 * @param search the page's query string; `engine` in it wins
 * @param stored what this browser chose before, or null
 * @returns null where the browser can play neither way
 */
export function chooseEngine(search: string, stored: string | null, support: Support): EngineName | null {
  const runs = (name: EngineName) => (name === 'native' ? support.native : support.mse)
  const asked = new URLSearchParams(search).get('engine')
  for (const name of [asked, stored]) {
    if (isEngineName(name) && runs(name)) return name
  }
  return availableEngines(support)[0] ?? null
}
