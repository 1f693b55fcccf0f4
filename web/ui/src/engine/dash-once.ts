// Keeps dash.js from loading each segment twice.
//
// It looks for the next segment right behind what the manifest listed of the last when
// that was asked for. The open segment is listed with what exists of it, so what is
// found there is the same one, grown: it comes from the browser's cache, or, where the
// rung has changed meanwhile, all over again through a line that has just become thin.

import type { DashHandler, FragmentRequest, MediaInfo, MediaPlayerClass, Representation } from 'dashjs'

/** What is used of dash.js's handler, and replaced in it. */
export type Handler = Pick<DashHandler, 'getNextSegmentRequest' | 'getSegmentRequestForTime' | 'isLastSegmentRequested'>

/** Start times that differ by less (s) are the same. */
const SAME = 0.001

/** Gives those methods of a handler that load no segment twice. */
export function once(handler: Handler): Handler {
  const { getNextSegmentRequest, getSegmentRequestForTime, isLastSegmentRequested } = handler
  let last: FragmentRequest | null = null
  return {
    getNextSegmentRequest(mediaInfo: MediaInfo, representation: Representation) {
      let found = getNextSegmentRequest(mediaInfo, representation)
      if (found && last && Math.abs(found.startTime - last.startTime) < SAME) {
        // dash.js keeps the requests it has made, and looks up in them what plays.
        last.duration = found.duration
        found = getNextSegmentRequest(mediaInfo, representation)
      }
      last = found ?? last
      return found
    },
    getSegmentRequestForTime: (mediaInfo, representation, time) =>
      (last = getSegmentRequestForTime(mediaInfo, representation, time)),
    isLastSegmentRequested: (representation, time) =>
      isLastSegmentRequested(representation, last ? Math.max(time, last.startTime + last.duration) : time),
  }
}

/** To be called before the player is initialized. */
export function loadOnce(player: MediaPlayerClass): void {
  function extension(this: { parent: Handler }): Handler {
    return once(this.parent)
  }
  player.extend('DashHandler', extension, true)
}
