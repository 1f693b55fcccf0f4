package hlscheck

// checkMultivariant applies the rules about the tags of a multivariant playlist
// together.
func checkMultivariant(mv *Multivariant, f *findings) {
	if !mv.Independent {
		f.add(independent, 0, "not in the multivariant playlist")
	}
	mv.checkIDs(f)
	mv.checkScores(f)
	mv.checkPathway(f)
	type group struct{ kind, id string }
	names, defaults, exists := map[[3]string]bool{}, map[group]bool{}, map[group]bool{}
	for _, r := range mv.Renditions {
		g, name := group{r.Type, r.Group}, [3]string{r.Type, r.Group, r.Name}
		exists[g] = true
		if names[name] {
			f.add(renditionName, r.line, "%s in group %s", r.Name, r.Group)
		}
		names[name] = true
		if r.isDefault && defaults[g] {
			f.add(renditionDefault, r.line, "second DEFAULT=YES in group %s", r.Group)
		}
		defaults[g] = defaults[g] || r.isDefault
	}
	none := 0
	for _, v := range mv.Variants {
		if v.Audio != "" && !exists[group{"AUDIO", v.Audio}] {
			f.add(variantGroup, v.line, "AUDIO=%q", v.Audio)
		}
		switch {
		case v.Captions == "NONE":
			none++
		case v.Captions != "" && !exists[group{"CLOSED-CAPTIONS", v.Captions}]:
			f.add(variantGroup, v.line, "CLOSED-CAPTIONS=%q", v.Captions)
		}
	}
	if none > 0 && none < len(mv.Variants) {
		f.add(variantCaptions, 0, "%d of %d", none, len(mv.Variants))
	}
}
