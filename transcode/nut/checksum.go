package nut

// polynomial is that of NUT's checksum: the usual one of CRC-32, most
// significant bit first, from zero and not inverted, which hash/crc32 has not.
const polynomial = 0x04C11DB7

var checksums = func() (table [256]uint32) {
	for i := range table {
		c := uint32(i) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ polynomial
			} else {
				c <<= 1
			}
		}
		table[i] = c
	}
	return table
}()

// checksum goes on from c over b.
func checksum(c uint32, b []byte) uint32 {
	for _, v := range b {
		c = c<<8 ^ checksums[byte(c>>24)^v]
	}
	return c
}
