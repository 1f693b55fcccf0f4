// The addresses of a stream (the outside contract of the gateway).

export interface StreamURLs {
  page: string
  embed: string
  status: string
  hls: string
  dash: string
}

export function streamURLs(origin: string, stream: string): StreamURLs {
  const name = encodeURIComponent(stream)
  return {
    page: `${origin}/watch/${name}`,
    embed: `${origin}/embed/${name}`,
    status: `${origin}/api/v1/streams/${name}`,
    hls: `${origin}/live/${name}/index.m3u8`,
    dash: `${origin}/live/${name}/manifest.mpd`,
  }
}

/** The HLS media playlist of one rendition. */
export function renditionURL(origin: string, stream: string, rendition: string): string {
  return `${origin}/live/${encodeURIComponent(stream)}/${encodeURIComponent(rendition)}/index.m3u8`
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
