import { describe, expect, it } from 'vitest'
import { ageOf, BITS, blocksFor, checkOf, clockFilter, readPixels } from './clock.mjs'

/** The row of blocks as a picture, each value drawn as that grey. */
function picture(blocks: number[], size: number, black = 16, white = 235) {
  const width = blocks.length * size
  const data = new Uint8ClampedArray(width * size * 4)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < width; x++) {
      const grey = blocks[Math.floor(x / size)] ? white : black
      data.set([grey, grey, grey, 255], 4 * (y * width + x))
    }
  }
  return { data, width, height: size }
}

function row(time: number): number[] {
  const bits = (value: number, n: number) => Array.from({ length: n }, (_, k) => Math.floor(value / 2 ** (n - 1 - k)) % 2)
  return [1, 0, ...bits(time, BITS), ...bits(checkOf(time), 4), 0, 1]
}

describe('clock', () => {
  it.each([0, 1, 0x123456, 0x800000, 2 ** 24 - 1])('reads %d', (time) => {
    for (const size of [4, 8, 20, 60]) expect(readPixels(picture(row(time), size))).toBe(time)
  })

  it('reads faded blocks, and refuses grey ones', () => {
    expect(readPixels(picture(row(4711), 8, 60, 190))).toBe(4711)
    expect(readPixels(picture(row(4711), 8, 60, 128))).toBeNull()
  })

  it('gives no time for any one wrong block', () => {
    for (let n = 0; n < blocksFor(BITS); n++) {
      const blocks = row(0x5a3c71)
      blocks[n] = 1 - (blocks[n] ?? 0)
      expect(readPixels(picture(blocks, 8)), `block ${n}`).toBeNull()
    }
  })

  it('gives no time for a picture without a clock', () => {
    expect(readPixels(picture(Array(32).fill(0), 8))).toBeNull()
    expect(readPixels(picture(Array(32).fill(1), 8))).toBeNull()
  })

  it('counts ages across the wrap', () => {
    const wrap = 2 ** 24
    expect(ageOf(1000, 5 * wrap + 2300)).toBe(1300)
    expect(ageOf(wrap - 200, 5 * wrap + 300)).toBe(500)
    expect(ageOf(1002, 1000)).toBe(0)
  })

  it('asks for the time once a frame, and draws all blocks from it', () => {
    const filter = clockFilter(24, '30000/1001')
    expect(filter.match(/time\(0\)/g)).toHaveLength(1)
    expect(filter.match(/drawbox/g)).toHaveLength(1 + 1 + 24 + 4 + 1)
    expect(filter.endsWith('settb=1/(30000/1001),setpts=N')).toBe(true)
  })
})
