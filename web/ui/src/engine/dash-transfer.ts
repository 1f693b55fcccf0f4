// What dash.js keeps beside a request while it loads it.

import type { MediaPlayerClass } from 'dashjs'

export type Reader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read'>

/** What its loader keeps, and a request interceptor is shown before the request is sent. */
export interface Transfer<Request> {
  request: Request
  reader?: Reader
  onloadend?: unknown
  onprogress?: ((e: object) => void) | undefined
  abort?: () => void
}

/** Shows each transfer of a player to follow before it begins. To be called before the player is initialized. */
export function eachTransfer<Request>(player: MediaPlayerClass, follow: (transfer: Transfer<Request>) => void): void {
  player.addRequestInterceptor((request) => {
    follow((request as unknown as { customData: Transfer<Request> }).customData)
    return Promise.resolve(request)
  })
}
