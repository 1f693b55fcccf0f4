package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// startNginx runs Debian's nginx on ports of its own, with a folder of its
// own: RTMPS in (TLS by the stream module, in front of the RTMP module with
// HLS and DASH on), and static files out of root.
func startNginx(ctx context.Context, folder string, rtmps, rtmp, http int) (*process, error) {
	for _, d := range []string{"hls", "dash", "root", "tmp"} {
		if err := os.MkdirAll(filepath.Join(folder, d), 0o755); err != nil {
			return nil, err
		}
	}
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	if err := writeCertificate(cert, key); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(`
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; worker_processes 2; pid nginx.pid; error_log error.log warn; user root;
events { worker_connections 20000; }
stream {
  server { listen 127.0.0.1:%d ssl; ssl_certificate %s; ssl_certificate_key %s; proxy_pass 127.0.0.1:%d; }
}
rtmp { access_log off; server { listen 127.0.0.1:%d; chunk_size 4096;
  application live { live on;
    hls on; hls_path %s; hls_fragment 2s; hls_playlist_length 30s;
    dash on; dash_path %s; dash_fragment 2s; dash_playlist_length 30s; } } }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; etag on;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  types { application/vnd.apple.mpegurl m3u8; video/mp4 m4s; }
  server { listen 127.0.0.1:%d; root root; } }
`, rtmps, cert, key, rtmp, rtmp, filepath.Join(folder, "hls"), filepath.Join(folder, "dash"), http)
	path := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(path, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	p, err := startProcess(ctx, nil, "nginx", "-p", folder, "-c", path, "-e", filepath.Join(folder, "error.log"))
	if err != nil {
		return nil, err
	}
	return p, waitPort(ctx, rtmps)
}
