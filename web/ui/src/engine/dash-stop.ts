// Lets dash.js stop what it has left, while it tells of itself (CMCD).
//
// For that it goes on with a copy of each request, and of what it keeps beside it: by the
// copy it could stop the transfer, but what it stops is the original, which knows of none.
// So what it has left would go on coming, over a line that has just become too thin for it.

import type { FragmentRequest, MediaPlayerClass } from 'dashjs'
import { eachTransfer, type Transfer } from './dash-transfer'

/** What is read of a request. */
export type Request = Pick<FragmentRequest, 'url'> & {
  /** When its transfer ended, whichever way. */
  endDate?: Date | null
}

/** What is replaced in dash.js's loader. */
export interface Loader {
  load(config: { request: Request }): Promise<void>
  abort(): void
}

/** Gives those methods of a loader that stop what it has asked for. */
export function stopping({ load, abort }: Loader, transfers: WeakMap<Request, Transfer<Request>>): Loader {
  const asked = new Set<Request>()
  return {
    load(config) {
      for (const request of asked) if (request.endDate) asked.delete(request)
      asked.add(config.request)
      return load(config)
    },
    abort() {
      abort()
      for (const request of asked) {
        const transfer = transfers.get(request)
        if (!transfer || request.endDate) continue
        // As dash.js does it: nobody is to hear of the end.
        transfer.onloadend = transfer.onprogress = undefined
        transfer.abort?.()
      }
      asked.clear()
    },
  }
}

/** To be called before the player is initialized. */
export function stopLeft(player: MediaPlayerClass): void {
  const transfers = new WeakMap<Request, Transfer<Request>>()
  function extension(this: { parent: Loader }): Loader {
    return stopping(this.parent, transfers)
  }
  player.extend('HTTPLoader', extension, true)
  eachTransfer<Request>(player, (transfer) => transfers.set(transfer.request, transfer))
}
