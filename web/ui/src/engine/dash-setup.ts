// How dash.js is set up: by the player page, and by the test page, which measures it so.

import type { MediaPlayerClass } from 'dashjs'
import { dashCmcd } from './cmcd'
import { followLine } from './dash-line'
import { loadOnce } from './dash-once'
import { settings } from './dash-settings'
import { leaveStandstills } from './dash-still'
import { stopLeft } from './dash-stop'

/** Sets up a player that isn't initialized yet for an address; returns how to stop what watches its element. */
export function setUp(player: MediaPlayerClass, video: HTMLVideoElement, src: string): () => void {
  player.updateSettings(settings)
  player.updateSettings({ streaming: { cmcd: dashCmcd(src, location.href) } })
  followLine(player, video)
  loadOnce(player)
  stopLeft(player)
  return leaveStandstills(video)
}
