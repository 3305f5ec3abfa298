-- A set whose limits are of several holders, as layers: one for the customer, then one for each of its entities that has
-- limits, each like a set of that holder's alone. Limits stand in a set in the order of their holders.
local layersOf
do
local function newLayer(slot)
  local layer = { isLayer = true, slot = slot, count = 0 }
  for _, name in ipairs({ 'check', 'record', 'reserve', 'commit', 'release' }) do layer[name] = { name = name } end
  return layer
end

function layersOf(set)
  local layers = set.layers
  if not layers then
    layers = { newLayer(0) }
    for index = 1, set.count do
      local limit, layer = set[index], layers[#layers]
      if limit.slot ~= layer.slot then
        layer = newLayer(limit.slot)
        layers[#layers + 1] = layer
      end
      layer.count = layer.count + 1
      layer[layer.count] = limit
    end
    for _, layer in ipairs(layers) do layer.numbersFormat = '<' .. string.rep('dd', layer.count) end
    set.layers = layers
  end
  return layers
end
end
