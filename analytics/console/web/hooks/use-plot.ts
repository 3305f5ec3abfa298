import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { onTheme } from '../theme.js';

type Ref<T> = { readonly current: T };

interface Plotted<Props> {
  readonly props: Props;
  readonly heightPx: number;
  readonly optionsOf: (element: HTMLElement, latest: Ref<Props>) => uPlot.Options;
  readonly dataOf: (props: Props) => uPlot.AlignedData;
  /** What makes another plot of it, and what only new data, so that a refresh does not flicker. */
  readonly remakeOn: readonly unknown[];
  readonly redrawOn: readonly unknown[];
}

/** A chart in the element that takes the returned ref: as wide as that, and in the colours of the theme. */
export function usePlot<Props>(plotted: Plotted<Props>): { current: HTMLDivElement | null } {
  const { props, heightPx, optionsOf, dataOf, remakeOn, redrawOn } = plotted;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, latest), dataOf(latest.current), element);
    };
    draw();
    const stopFollowing = onTheme(draw);
    const resize = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && plot.current?.width !== width) plot.current?.setSize({ width, height: heightPx });
    });
    resize.observe(element);
    return () => {
      stopFollowing();
      resize.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, remakeOn);

  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, redrawOn);

  return host;
}
