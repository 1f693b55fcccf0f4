// Keeps the list of streams as the server has it. Without it the page is right
// once, and works.
'use strict';
(() => {
  const summary = document.getElementById('summary');
  const cards = new Map([...document.querySelectorAll('[data-stream]')].map((c) => [c.dataset.stream, c]));

  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  const show = ({ streams }) => {
    if (streams.length !== cards.size || streams.some((s) => !cards.has(s.name))) {
      location.reload();
      return;
    }
    for (const s of streams) {
      const card = cards.get(s.name);
      card.dataset.state = s.state;
      put(card.querySelector('.state'), s.state);
      put(card.querySelector('.detail'), detail(s));
    }
    put(summary, headline(streams));
  };

  const headline = (streams) => {
    const live = streams.filter((s) => s.state === 'live').length;
    return `${live} of ${streams.length} ${streams.length === 1 ? 'stream' : 'streams'} live`;
  };

  const detail = (s) => {
    const words = [];
    const video = s.renditions.find((r) => r.kind === 'video');
    if (video) words.push(`${video.width}×${video.height}`);
    if (video?.fps) words.push(`${Math.round(video.fps * 100) / 100} fps`);
    const rate = Math.max(0, ...s.renditions.filter((r) => r.kind === 'video').map((r) => r.bandwidth)) +
      Math.max(0, ...s.renditions.filter((r) => r.kind === 'audio').map((r) => r.bandwidth));
    if (rate) words.push(`${(rate / 1e6).toFixed(1)} Mb/s`);
    if (s.renditions.length && !video) words.push('sound only');
    return words.join(' · ');
  };

  const poll = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch('/api/v1/streams', { cache: 'no-store' });
        if (answer.ok) show(await answer.json());
      } catch {
        put(summary, 'The server does not answer');
      }
    }
    setTimeout(poll, 2500);
  };
  poll();
})();
