/** What a TLS handshake has brought to light. */
export interface TlsInfo {
  /** `TLSv1.3` */
  readonly version: string;
  /** `TLS_AES_256_GCM_SHA384` */
  readonly cipher: string;
  /** Protocol agreed upon by ALPN, undefined when the peer offered none. */
  readonly alpn: string | undefined;
  /**
   * The peer's certificate in DER form, undefined when it sent none. Of a client only a
   * certificate that was verified is shown here.
   */
  readonly peerCertificate: Uint8Array | undefined;
  /** Common name of the subject of `peerCertificate`. */
  readonly commonName: string | undefined;
  /** Why a certificate that the peer did send is not trusted, undefined when it is. */
  readonly distrust: string | undefined;
}

/**
 * A connection as everything above sees it: plain or TLS, TCP or Unix socket.
 *
 * Handlers may be set and replaced at any time. Chunks that arrive before the first `onData` is
 * set are kept for it, and a close that nobody has heard of is told to the first `onClose`.
 * No handler is called from within a method of the stream.
 */
export interface ByteStream {
  /** Address of the peer, empty on Unix sockets. */
  readonly remoteHost: string;
  /** Port of the peer, 0 on Unix sockets. */
  readonly remotePort: number;
  readonly isUnix: boolean;
  /** Undefined on a connection without TLS. */
  readonly tls: TlsInfo | undefined;
  /** Bytes written that the operating system has not taken yet. */
  readonly buffered: number;
  /** The connection is gone: nothing will be sent or received any more. */
  readonly closed: boolean;

  /** Called with what arrived; the chunk belongs to the receiver. */
  onData: (chunk: Uint8Array) => void;
  /** Called when the socket, having refused bytes, has taken all of them. */
  onDrain: () => void;
  /** Called once, after the last data; `error` tells what broke the connection, if anything. */
  onClose: (error?: Error) => void;

  /**
   * Queues bytes. They must not be changed afterwards. All that is written during one wake-up
   * leaves together. Nothing limits the queue: callers look at `buffered`. Does nothing on a
   * connection that is closed or ending.
   */
  write(bytes: Uint8Array): void;
  /** Sends what is queued now and not at the end of the present wake-up. */
  flush(): void;
  /** Nothing more is read until {@link resume}, so that the peer has to wait. */
  pause(): void;
  resume(): void;
  /**
   * Closes when everything queued has been sent, or when the peer has not taken it within
   * {@link LINGER_MS}.
   */
  end(): void;
  /** Closes at once and forgets what is queued. */
  destroy(): void;
}

/** How long a closing connection may take to deliver what is queued, in milliseconds. */
export const LINGER_MS = 30_000;
