// The graph of dependencies. The table below it says the same, so nothing is lost where this does not run.
document.addEventListener("DOMContentLoaded", () => {
  const figure = document.getElementById("dependency-graph");
  const data = document.getElementById("dependency-graph-data");
  if (!figure || !data) {
    return;
  }
  const { nodes, edges } = JSON.parse(data.textContent);
  const canvas = figure.querySelector(".cs-graph-canvas");
  const crowded = nodes.length > 40;
  figure.hidden = false;

  // Any colour that CSS knows, as one that the library knows.
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const probe = figure.querySelector("figcaption");
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    pixel.fillStyle = getComputedStyle(probe).color;
    probe.style.color = "";
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pixel.getImageData(0, 0, 1, 1).data;
    return `rgb(${red}, ${green}, ${blue})`;
  };

  const styles = () => {
    const ink = colour("--cs-ink");
    const line = colour("--cs-subtle");
    const back = colour("--cs-graph-back");
    const kind = (name, shape, fill) => ({
      selector: `node[kind = "${name}"]`,
      style: { shape, "background-color": colour(fill) },
    });
    return [
      {
        selector: "node",
        style: {
          label: "data(shown)", color: ink, "font-size": crowded ? 9 : 12, "font-family": "Inter, sans-serif",
          "text-valign": "bottom", "text-margin-y": 4, "text-wrap": "wrap", "text-max-width": 120,
          "text-background-color": back, "text-background-opacity": 0.85, "text-background-padding": 2,
          width: 30, height: 30, "border-width": 1, "border-color": ink,
        },
      },
      kind("agent", "ellipse", "--cs-accent"),
      kind("tool", "round-rectangle", "--cs-good"),
      kind("third_party", "diamond", "--cs-warn"),
      { selector: "node[?focus]", style: { width: 42, height: 42, "border-width": 5, "border-style": "double" } },
      { selector: "node[?overdue]", style: { "border-width": 4, "border-color": colour("--cs-bad") } },
      {
        selector: "edge",
        style: {
          width: 1.5, "line-color": line, "curve-style": "bezier", "target-arrow-shape": "triangle",
          "target-arrow-color": line, label: crowded ? "" : "data(label)", color: ink, "font-size": 10,
          "text-background-color": back, "text-background-opacity": 0.85, "text-background-padding": 2,
        },
      },
      { selector: 'edge[kind = "calls"]', style: { "line-style": "dashed" } },
      { selector: 'edge[kind = "creates"]', style: { width: 4 } },
      { selector: 'edge[kind = "provided_by"]', style: { "line-style": "dotted", "target-arrow-shape": "none" } },
    ];
  };

  const shown = nodes.map((node) => ({ ...node, shown: node.overdue ? `! ${node.label}` : node.label }));
  const focus = nodes.find((node) => node.focus);
  const layered = focus && nodes.length <= canvas.clientWidth / 80;
  const layout = layered
    ? { name: "breadthfirst", roots: [focus.id], circle: false, spacingFactor: 1.1 }
    : {
      name: "cose", randomize: false, nodeDimensionsIncludeLabels: true, nodeRepulsion: () => 20000,
      nodeOverlap: 40, idealEdgeLength: () => 80, numIter: crowded ? 400 : 1500,
    };
  const graph = cytoscape({
    container: canvas,
    elements: [...shown.map((node) => ({ data: node })), ...edges.map((edge) => ({ data: edge }))],
    style: styles(),
    layout: { name: "circle", animate: false },
    minZoom: 0.1,
    maxZoom: 3,
    userZoomingEnabled: false,
    boxSelectionEnabled: false,
    autounselectify: true,
  });
  graph.layout({ ...layout, animate: false, padding: 30 }).run();
  graph.on("tap", "node", (event) => location.assign(event.target.data("url")));

  figure.addEventListener("click", (event) => {
    const wish = event.target.closest("[data-zoom]")?.dataset.zoom;
    if (wish === "all") {
      graph.fit(undefined, 30);
    } else if (wish) {
      const middle = { x: graph.width() / 2, y: graph.height() / 2 };
      graph.zoom({ level: graph.zoom() * (wish === "in" ? 1.3 : 1 / 1.3), renderedPosition: middle });
    }
  });
  new MutationObserver(() => graph.style(styles())).observe(document.documentElement, { attributeFilter: ["class"] });
  canvas.dataset.drawn = String(graph.nodes().length);
});
