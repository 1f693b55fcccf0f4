// Package mp3 finds the frames of MP3 and reads what they say about themselves.
//
// It implements the header of ISO/IEC 11172-3 section 2.4.1.3 and ISO/IEC 13818-3
// section 2.4.2.3, of layer III only, and its use at half the lower rates, known
// as MPEG-2.5. The header says how long its frame is; frames of free format, which
// don't, are not served.
//
// In go bytes, out come frames that refer to them. All functions are pure,
// allocate nothing, and may be called at once. Errors wrap ErrMalformed.
package mp3
