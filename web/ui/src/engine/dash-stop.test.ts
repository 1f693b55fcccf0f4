import type { FragmentRequest } from 'dashjs'
import { expect, it, vi } from 'vitest'
import { stopping, type Loader, type Request } from './dash-stop'
import type { Transfer } from './dash-transfer'

const request = (endDate: Date | null = null) => ({ url: '/1.m4s', endDate }) as FragmentRequest & { endDate: Date | null }

/** A loader of dash.js, and the transfer that its interceptors are shown of each request. */
function loader(owner = new WeakMap<Request, Transfer<Request>>()) {
  const own: Loader = { load: vi.fn(() => Promise.resolve()), abort: vi.fn() }
  const { load, abort } = stopping(own, owner)
  const begin = (r = request()) => {
    const transfer = { request: r, onloadend: vi.fn(), onprogress: vi.fn(), abort: vi.fn() }
    owner.set(r, transfer)
    void load({ request: r })
    return transfer
  }
  return { own, load, abort, begin, owner }
}

it('stops what is coming, and lets nobody hear of its end', () => {
  const { own, abort, begin } = loader()
  const all = [begin(), begin()]
  abort()
  expect(own.load).toHaveBeenCalledTimes(2)
  expect(own.abort).toHaveBeenCalledOnce()
  for (const transfer of all) {
    expect(transfer.abort).toHaveBeenCalledOnce()
    expect(transfer.onloadend).toBeUndefined()
    expect(transfer.onprogress).toBeUndefined()
  }
  abort()
  expect(all[0]?.abort).toHaveBeenCalledOnce()
})

it('leaves alone what has come', () => {
  const { abort, begin } = loader()
  const whole = begin()
  whole.request.endDate = new Date(0)
  const next = begin()
  abort()
  expect(whole.abort).not.toHaveBeenCalled()
  expect(whole.onloadend).toBeDefined()
  expect(next.abort).toHaveBeenCalledOnce()
})

it('leaves alone what other loaders have asked for', () => {
  const owner = new WeakMap<Request, Transfer<Request>>()
  const sound = loader(owner)
  const picture = loader(owner)
  const other = sound.begin()
  picture.begin()
  picture.abort()
  expect(other.abort).not.toHaveBeenCalled()
})

it('stands requests that have not been sent yet', () => {
  const { load, abort, owner } = loader()
  const r = request()
  void load({ request: r })
  expect(abort).not.toThrow()
  owner.set(r, { request: r })
  void load({ request: r })
  expect(abort).not.toThrow()
})
