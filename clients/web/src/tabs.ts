// What the tabs of one replica tell each other: the one that syncs its status, the others their wishes.

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

  constructor(name: string, shared: boolean, hear: (message: TabMessage) => void) {
    if (!shared || typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel(`seachange:${name}`);
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => hear(data);
  }

  tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }

  close(): void {
    this.#channel?.close();
  }
}
