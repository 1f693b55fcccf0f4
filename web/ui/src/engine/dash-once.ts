// Keeps dash.js from loading each segment twice, and from leaving one out.
//
// It looks for the next segment right behind what the manifest listed of the last when
// that was asked for. The open segment is listed with what exists of it, so what is
// found there is the same one, grown: it comes from the browser's cache, or, where the
// rung has changed meanwhile, all over again through a line that has just become thin.
//
// In the same way it "repeats" a segment that it has left for another rung: what it asks for
// is what comes behind, and up to a whole segment is missing where it plays next.
//
// And it takes a Period for loaded when its last segment but one is, and begins with the next
// one: what is then still coming of the last is appended to another rung's init segment, or
// thrown away. A segment that broke the decoder is left out by dash.js, though: it never comes.

import type { DashHandler, FragmentRequest, MediaInfo, MediaPlayerClass, Representation } from 'dashjs'

/** What is used of dash.js's handler, and replaced in it. */
export type Handler = Pick<
  DashHandler,
  'getNextSegmentRequest' | 'getSegmentRequestForTime' | 'isLastSegmentRequested' | 'repeatSegmentRequest'
>

/** What else is read of a request. */
interface Request extends FragmentRequest {
  /** When its transfer ended, whichever way. */
  endDate?: Date | null
}

/** Start times that differ by less (s) are the same. */
const SAME = 0.001

/** What dash.js tells of a segment that it leaves out from now on. */
const IGNORED = 'segmentLocationBlacklistChanged'

/**
 * Gives those methods of a handler that load each segment once, and one that was left again.
 * ignored are the URLs of what dash.js asks a handler for, and doesn't load.
 */
export function once(handler: Handler, ignored: ReadonlySet<string> = new Set()): Handler {
  const { getNextSegmentRequest, getSegmentRequestForTime, isLastSegmentRequested, repeatSegmentRequest } = handler
  let last: Request | null = null
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
    repeatSegmentRequest(mediaInfo, representation) {
      const found = last
        ? getSegmentRequestForTime(mediaInfo, representation, last.startTime + SAME)
        : repeatSegmentRequest(mediaInfo, representation)
      last = found ?? last
      return found
    },
    isLastSegmentRequested(representation, time) {
      if (!last) return isLastSegmentRequested(representation, time)
      const over = Boolean(last.endDate) || ignored.has(last.url ?? '')
      return over && isLastSegmentRequested(representation, Math.max(time, last.startTime + last.duration))
    },
  }
}

/** To be called before the player is initialized. */
export function loadOnce(player: MediaPlayerClass): void {
  const ignored = new Set<string>()
  player.on(IGNORED, ({ entry }: { entry: string }) => ignored.add(entry))
  function extension(this: { parent: Handler }): Handler {
    return once(this.parent, ignored)
  }
  player.extend('DashHandler', extension, true)
}
