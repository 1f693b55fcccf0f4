// A browser's own player stops for good where a script would try again: at a stream
// that is offline, and Chromium's also when a live playlist lists nothing that it
// hasn't fetched yet as playback begins or resumes (in a broadcast's first seconds,
// after a short pause). So whatever ends playing, start over soon.
const again = 1000
const video = document.querySelector('video')
const start = new URLSearchParams(location.search).get('start')
if (start) video.src += '?start=' + encodeURIComponent(start)
const restart = () => setTimeout(() => video.load(), again)
if (video.canPlayType('application/vnd.apple.mpegurl')) {
  video.addEventListener('error', restart)
  if (video.error) restart()
}
