"""[[pools]]: nodes, network and the chip."""
from .record import Incomplete

# chip of the record -> node type, rule for the NIC of a chip in Gbit/s where the source names none
NODES = {
    "nvidia_a100_sxm4_80": ("hgx_a100", 200), "nvidia_a100_sxm4_40": ("hgx_a100_40", 200),
    "nvidia_h100_sxm5": ("hgx_h100", 400), "nvidia_h200_sxm": ("hgx_h200", 400),
    "nvidia_b200": ("hgx_b200", 400), "nvidia_b300": ("hgx_b300", 800),
    "nvidia_gb200": ("gb200_nvl72", 400), "nvidia_gb300": ("gb300_nvl72", 800),
    "amd_mi300x": ("oam_mi300x", 400), "amd_mi325x": ("oam_mi325x", 400), "amd_mi355x": ("oam_mi355x", 400),
    "huawei_ascend_910b1": ("atlas_800t_a2", 200), "huawei_ascend_910b2": ("atlas_800t_a2_910b3", 200),
    "huawei_ascend_910b3": ("atlas_800t_a2_910b3", 200),
    "nvidia_a800_sxm4_80": ("hgx_a800", 200), "nvidia_h800_sxm5": ("hgx_h800", 400), "nvidia_h20": ("hgx_h20", 400),
    "amd_mi308x": ("oam_mi308x", 400), "metax_c500": ("oam_c500", 100),
}
RACK_CHIPS_USED = 64  # of an NVL72's 72, where a job needs more than one rack


def is_rack(node):
    return node.endswith("nvl72")


def gigabytes(gbit):
    return f"{gbit / 8:g} GB/s"


def catalogue_chip(hardware):
    if hardware["chip_id"] is None and "MI350X" not in hardware["chip"]:
        raise Incomplete(f"chip {hardware['chip']} is not in the catalogue")
    return hardware["chip_id"] or "amd_mi355x"  # MI350X: the same die at a lower power limit


def write_chip(s):
    """What the run's chip has that the catalogue's of that name has not."""
    hardware = s.record["hardware"]
    if hardware["peak_share"]:
        if not hardware["chip_id_note"]:
            raise Incomplete("hardware.peak_share without chip_id_note, which says why")
        s.section("[pools.chip]")
        s.put("source", hardware["chip_id_note"])
        s.put("peak_share", hardware["peak_share"])
    elif "96GB HBM2e" in hardware["chip"]:
        s.section("[pools.chip]")
        s.put("source", (hardware["chip_id_note"] or hardware["chip"]) + "; peak: clocks at 500 of 700 W, as the cube root (assumed)")
        s.put("memory_bandwidth", "2.4 TB/s")
        s.put("memory_capacity", "96 GB")
        s.put("peak_share", 0.894)
        s.assume("Chip of 500 W: 0.894 of the 700 W part's peak, the cube root of the power (assumed; no document).")
    elif hardware["chip_id"] is None:
        s.section("[pools.chip]")
        s.put("source", "AMD data sheets (recalled): MI350X has 2.3 of MI355X's 2.5 PFLOP/s in bf16")
        s.put("peak_share", 0.92)
        s.assume("MI350X as 0.92 of an MI355X: the same die at a lower power limit; not in the catalogue.")


def write_nodes(s, chip, node):
    """@return how many nodes"""
    hardware = s.record["hardware"]
    total = hardware["chips_total"]
    rack = is_rack(node)
    per_node = 72 if rack else min(hardware["chips_per_node"] or 8, 8)
    if not rack and (hardware["chips_per_node"] or 8) > 8 and total > 8:
        s.assume("Nodes of 8 chips, the largest that are described; the source has larger ones.")
    s.section("[[pools]]")
    s.put("name", "all")
    s.put("node", node)
    if rack and total > per_node:
        per_node = RACK_CHIPS_USED
        s.put("chips_per_node", per_node)
        s.assume(f"{per_node} of the 72 chips of a rack are used: the source does not say how the job lay on the racks.")
    elif not rack and per_node < min(total, 8):
        s.put("chips_per_node", per_node)
    nodes = max(1, -(-total // per_node))
    s.put("nodes", nodes)
    s.put("chips", total)
    if chip.startswith("huawei_ascend_910b"):
        s.assume("Ascend 910B3 (313 TFLOP/s in fp16): the source does not state the bin.")
    return nodes


def has_four_adapters(hardware):
    """Of 100 Gbit/s each, for eight chips."""
    return hardware["nic_gbps_per_chip"] == 50


def write_nic(s, usual):
    hardware = s.record["hardware"]
    stated = hardware["nic_gbps_per_chip"]
    if not stated:
        s.assume(f"Network {usual} Gbit/s per chip: usual for the node, not stated.")
    if has_four_adapters(hardware):
        s.put("nics", 4)
        s.put("nic_bandwidth", gigabytes(100))
    else:
        s.put("nic_bandwidth", gigabytes(stated or usual))


def write_fabric(s, chip, node):
    hardware = s.record["hardware"]
    rail = hardware["fabric"] == "rail_fat_tree" or chip.startswith("nvidia_") and not has_four_adapters(hardware)
    s.section("[pools.fabric]")
    s.put("kind", "rail_fat_tree" if rail else "leaf_spine")
    s.put("nodes_per_leaf", 8 if is_rack(node) else 32)
    s.put("oversubscription", 1.0)
    s.lines.append('spine_latency = { value = "0.9 us", source = "two more switch hops", confidence = "estimate" }')
    s.put("source", "assumed: non-blocking; the source does not describe the switches")
    s.put("confidence", "estimate")
    s.assume("A non-blocking network: the source does not describe the switches.")


def write_pool(s):
    chip = catalogue_chip(s.record["hardware"])
    if chip not in NODES:
        raise Incomplete(f"no node type for {chip}")
    node, usual_nic = NODES[chip]
    beyond_node = write_nodes(s, chip, node) > 1
    if beyond_node:
        write_nic(s, usual_nic)
    write_chip(s)
    if beyond_node:
        write_fabric(s, chip, node)
