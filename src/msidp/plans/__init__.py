"""Plans: what members can join, free or at a price. Who is on a plan is `msidp.members`' business."""
