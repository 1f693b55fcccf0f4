import Hls, { type LoaderContext } from 'hls.js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { byHeaders, dashCmcd, hlsCmcd, id } from './cmcd'

const PAGE = 'https://gateway.example:8443/watch/live'

/** What hls.js asks for first, of a source at url. */
function asked(url: string): { url: string; headers: Record<string, string> } {
  const requests: LoaderContext[] = []
  class Loader {
    load(context: LoaderContext) {
      requests.push(context)
    }
    abort() {}
    destroy() {}
  }
  const hls = new Hls({ cmcd: {}, loader: Loader as never })
  hls.config.cmcd = hlsCmcd(url, PAGE)
  hls.loadSource(url)
  hls.destroy()
  expect(requests).toHaveLength(1)
  return { url: requests[0]?.url ?? '', headers: { ...requests[0]?.headers } }
}

describe('CMCD', () => {
  // Outside a browser hls.js lacks the place that relative addresses are relative to.
  beforeAll(() => {
    vi.stubGlobal('self', globalThis)
    vi.stubGlobal('location', new URL(PAGE))
  })
  afterAll(() => void vi.unstubAllGlobals())

  it('goes by headers to the own origin alone', () => {
    expect(byHeaders('/live/live/index.m3u8', PAGE)).toBe(true)
    expect(byHeaders('https://gateway.example:8443/live/live/index.m3u8', PAGE)).toBe(true)
    expect(byHeaders('https://gateway.example/live/live/index.m3u8', PAGE)).toBe(false)
    expect(byHeaders('http://gateway.example:8443/live/live/index.m3u8', PAGE)).toBe(false)
    expect(byHeaders('https://cdn.example/live/live/index.m3u8', PAGE)).toBe(false)
  })

  it('leaves the URL alone where hls.js sends it by headers', () => {
    const url = 'https://gateway.example:8443/live/live/index.m3u8'
    const request = asked(url)
    expect(request.url).toBe(url)
    expect(Object.keys(request.headers).sort()).toEqual(['CMCD-Object', 'CMCD-Request', 'CMCD-Session'])
    expect(request.headers['CMCD-Session']).toMatch(/^sf=h,sid="[0-9a-f-]{36}"$/)
  })

  it('adds no header where hls.js sends it by the query', () => {
    const request = asked('https://cdn.example/live/live/index.m3u8?token=a')
    expect(request.headers).toEqual({})
    const query = new URL(request.url).searchParams
    expect(query.get('token')).toBe('a')
    expect(query.get('CMCD')).toMatch(/sf=h,sid="[0-9a-f-]{36}"/)
  })

  it('is the same session for every engine', () => {
    const { sessionId } = hlsCmcd('/a', PAGE)
    expect(sessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(hlsCmcd('https://cdn.example/b', PAGE).sessionId).toBe(sessionId)
    expect(dashCmcd('/c', PAGE).sid).toBe(sessionId)
  })

  it('is turned on in dash.js, in the words that dash.js knows', () => {
    expect(dashCmcd('/live/live/manifest.mpd', PAGE)).toMatchObject({ enabled: true, mode: 'headers', version: 1 })
    expect(dashCmcd('https://cdn.example/manifest.mpd', PAGE)).toMatchObject({ enabled: true, mode: 'query' })
  })

  it('tells what the gateway reads', () => {
    for (const keys of [hlsCmcd('/a', PAGE).includeKeys, dashCmcd('/a', PAGE).enabledKeys]) {
      expect(keys).toEqual(expect.arrayContaining(['bl', 'br', 'bs', 'dl', 'mtp', 'sf', 'sid', 'su']))
      expect(keys).not.toContain('nor')
    }
  })

  it('makes ids of random bytes', () => {
    expect(id(new Uint8Array(16))).toBe('00000000-0000-4000-8000-000000000000')
    expect(id(new Uint8Array(16).fill(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
  })
})
