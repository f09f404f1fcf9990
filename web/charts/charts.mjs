// The parts of Apache ECharts that the report draws with. What is not named here is not in the page.
import { getInstanceByDom, init, use } from "echarts/core";
import { BarChart, GraphChart, HeatmapChart, LineChart, SankeyChart } from "echarts/charts";
import {
  DataZoomInsideComponent,
  DataZoomSliderComponent,
  GridComponent,
  LegendPlainComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapContinuousComponent,
} from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([
  BarChart,
  DataZoomInsideComponent,
  DataZoomSliderComponent,
  GraphChart,
  GridComponent,
  HeatmapChart,
  LegendPlainComponent,
  LineChart,
  MarkLineComponent,
  SankeyChart,
  SVGRenderer,
  TooltipComponent,
  VisualMapContinuousComponent,
]);

export { getInstanceByDom, init };
