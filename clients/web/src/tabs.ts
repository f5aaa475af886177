// The messages between the tabs of one replica: the tab that syncs sends its status, the others send requests.

import type { Rejection } from './resolution.js';
import type { Status } from './status.js';

export type TabMessage =
  | { kind: 'status'; status: Status }
  | { kind: 'rejection'; rejection: Rejection }
  | { kind: 'hello' }
  | { kind: 'resync' }
  | { kind: 'rebuild' };

export class Tabs {
  readonly #channel: BroadcastChannel | undefined;

  constructor(name: string, shared: boolean, onMessage: (message: TabMessage) => void) {
    if (!shared || typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel(`seachange:${name}`);
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => onMessage(data);
  }

  send(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }

  close(): void {
    this.#channel?.close();
  }
}
