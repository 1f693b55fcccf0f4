// The addresses of a stream (the outside contract of the gateway).

export interface StreamURLs {
  page: string
  embed: string
  status: string
  hls: string
  dash: string
}

/** The token is that of a stream that is signed; empty where it is public. */
export function streamURLs(origin: string, stream: string, token = ''): StreamURLs {
  const name = encodeURIComponent(stream)
  const at = signed(name, token)
  return {
    page: `${origin}/watch/${at}`,
    embed: `${origin}/embed/${at}`,
    status: `${origin}/api/v1/streams/${name}`,
    hls: `${origin}/live/${at}/index.m3u8`,
    dash: `${origin}/live/${at}/manifest.mpd`,
  }
}

/**
 * Where a page's address has playing begin: seconds before now ("-600") or a date, as the
 * gateway's playlists take it; null where it says nothing that they take.
 */
export function startOf(search: string): string | null {
  const start = new URLSearchParams(search).get('start') ?? ''
  if (/^-\d{1,9}$/.test(start)) return start
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(start) ? start : null
}

/** The address with which a player begins there. */
export function startingAt(url: string, start: string | null): string {
  return start === null ? url : `${url}?start=${encodeURIComponent(start)}`
}

function signed(name: string, token: string): string {
  return token ? `${name}/~${encodeURIComponent(token)}` : name
}

/** The HLS media playlist of one rendition. */
export function renditionURL(origin: string, stream: string, rendition: string, token = ''): string {
  return `${origin}/live/${signed(encodeURIComponent(stream), token)}/${encodeURIComponent(rendition)}/index.m3u8`
}

/** The HTML to paste into another page. It keeps 16:9 at any width. */
export function embedSnippet(url: string, title: string): string {
  return (
    `<iframe src="${escapeAttribute(url)}" title="${escapeAttribute(title)}" ` +
    'allow="autoplay; fullscreen; picture-in-picture" allowfullscreen ' +
    'style="width:100%;aspect-ratio:16/9;border:0"></iframe>'
  )
}

function escapeAttribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
